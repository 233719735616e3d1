//! What the answers to several queries will need, asked of memory for all of them at once.

use super::Responder;
use crate::dns::Question;
use crate::zone::ahead::Ahead;

impl Responder {
    /// Reads ahead what answering these messages will read of the zone, so that it is in the CPU's cache when each is
    /// answered. Answers nothing: a message that is none, or may not be answered, does no harm.
    pub fn read_ahead<'m>(&self, messages: impl IntoIterator<Item = &'m [u8]>) {
        let snapshot = self.shared.load();
        let origin = snapshot.zone.settings.origin.as_wire();
        let mut ahead = Ahead::new(&snapshot.zone);
        for message in messages {
            Question::overhear(message, origin, |name, qtype| ahead.add(name, qtype));
        }
        ahead.read();
    }
}
