"""moto's server on a free port of 127.0.0.1, which it prints; for `tests/it/moto.rs`.

    tests/.venv/bin/python tests/moto_server.py

Not `moto_server`, for two reasons:

* A port that was chosen for it may be taken before it is bound. This one binds port 0 and then says what it got.
* ECS tells `cpu` and `memory` of a task's containers as strings. moto copies the numbers of the task definition, and
  the SDK, which goes by the model, then refuses the whole answer. So they are made strings here.
"""

import sys

from moto.ecs.models import Container
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server


def tell_sizes_as_strings(container_class):
    """Patches moto's container. Nothing but its serialisation reads the two members."""
    create = container_class.__init__

    def create_with_strings(self, task_definition):
        create(self, task_definition)
        for member in ("cpu", "memory"):
            size = getattr(self, member)
            setattr(self, member, None if size is None else str(size))

    container_class.__init__ = create_with_strings


def main():
    tell_sizes_as_strings(Container)
    app = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=MotoRequestHandler)
    print(server.port, flush=True)
    # Nobody reads on after this line.
    sys.stdout = sys.stderr
    server.serve_forever()


if __name__ == "__main__":
    main()
