//! DNS over TLS to a real unbound, with an authority of our own.

use std::path::Path;
use std::process::Command;

use crate::daemon::Daemon;
use crate::loopback;
use crate::upstream::Upstream;

fn openssl(folder: &Path, arguments: &[&str]) {
    let output = Command::new("openssl").current_dir(folder).args(arguments).output();
    let output = output.expect("openssl is installed: apt-get install openssl");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// An authority, and a certificate of it for `dns.example`.
pub fn certificates() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let key = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    let authority =
        ["-x509", "-days", "9", "-subj", "/CN=An authority of the tests", "-keyout", "ca.key", "-out", "ca.pem"];
    openssl(folder.path(), &[&key[..], &authority].concat());
    let request = ["-subj", "/CN=dns.example", "-keyout", "server.key", "-out", "server.csr"];
    openssl(folder.path(), &[&key[..], &request].concat());
    std::fs::write(folder.path().join("names"), "subjectAltName=DNS:dns.example\n").unwrap();
    let sign =
        ["x509", "-req", "-days", "9", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
    openssl(folder.path(), &[&sign[..], &["-extfile", "names", "-out", "server.pem"]].concat());
    folder
}

#[test]
fn a_server_over_tls_is_asked_if_its_certificate_is_good() {
    let folder = certificates();
    let address = std::net::SocketAddr::from((loopback::address(), 8853));
    let lines = format!(
        " interface: {ip}@{port}\n tls-port: {port}\n tls-service-key: \"{at}/server.key\"\n \
         tls-service-pem: \"{at}/server.pem\"",
        ip = address.ip(),
        port = address.port(),
        at = folder.path().display()
    );
    let _upstream = Upstream::start_with(&["two.example.com. 300 IN A 192.0.2.8"], &lines);
    let ca = folder.path().join("ca.pem");
    let start = |name: &str| {
        let server = format!("tls://{address}#{name}");
        let arguments = ["run", "--source", "off", "--zone", "elsewhere.test", "--upstream", &server, "--tls-ca"];
        Daemon::start(&[&arguments[..], &[ca.to_str().unwrap()]].concat(), &[])
    };
    let daemon = start("dns.example");
    assert_eq!(daemon.ask("example.com").data("A"), ["192.0.2.7"]);
    assert_eq!(daemon.ask("two.example.com").data("A"), ["192.0.2.8"]);
    assert_eq!(daemon.metric("ecs_resolver_forward_requests_total{proto=\"udp\"}"), Some(0.0));
    assert!(daemon.metric("ecs_resolver_forward_requests_total{proto=\"tls\"}") >= Some(2.0));

    let wrong = start("other.example").ask("example.com");
    assert!(wrong.is_servfail("22 (No Reachable Authority)"), "{wrong:?}");

    let file = folder.path().join("ecs-resolver.toml");
    let at_the_same_address =
        format!("[forward.\"two.example.com\"]\nupstreams = [\"tls://{address}#other.example\"]\n");
    std::fs::write(&file, at_the_same_address).unwrap();
    let server = format!("tls://{address}#dns.example");
    let mut arguments = vec!["run", "--config", file.to_str().unwrap(), "--source", "off", "--zone", "elsewhere.test"];
    arguments.extend(["--upstream", &server, "--tls-ca", ca.to_str().unwrap()]);
    let both = Daemon::start(&arguments, &[]);
    assert_eq!(both.ask("example.com").data("A"), ["192.0.2.7"]);
    let wrong = both.ask("two.example.com");
    assert!(wrong.is_servfail("22 (No Reachable Authority)"), "a connection to another server is not used: {wrong:?}");
}

#[test]
fn an_authority_that_cannot_be_read_is_told_at_the_start() {
    let arguments = ["run", "--source", "off", "--upstream", "tls://127.0.0.1:9", "--tls-ca", "/nonexistent.pem"];
    let output = crate::daemon::command(&arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(said.starts_with("forward.tls_ca: the certificates of /nonexistent.pem cannot be used"), "{said}");
}
