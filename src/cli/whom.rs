//! Whom `dump` and `cache` ask: the daemon of this host, at its http.listen.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::exit::{self, Failure};
use crate::config::{self, Overrides};

/// Where the daemon is.
#[derive(Debug, Args)]
pub(super) struct Whom {
    /// HTTP address of the daemon; without it, http.listen of the configuration
    #[arg(
        long,
        env = "ECS_RESOLVER_HTTP_LISTEN",
        value_name = "ADDR:PORT",
        value_parser = read,
        global = true
    )]
    http: Option<Http>,
    /// Configuration file; without it /etc/ecs-resolver/ecs-resolver.toml, if there is one
    #[arg(short, long, env = "ECS_RESOLVER_CONFIG", value_name = "FILE", global = true)]
    config: Option<PathBuf>,
}

/// What was given for http.listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Http {
    /// Nothing: a variable that is empty.
    Unsaid,
    Off,
    At(SocketAddr),
}

fn read(text: &str) -> Result<Http, String> {
    let address = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
    match address {
        "" => Ok(Http::Unsaid),
        "off" => Ok(Http::Off),
        _ => match address.parse() {
            Ok(address) => Ok(Http::At(address)),
            Err(_) => Err("it is not an IP address with a port, such as 127.0.0.1:9153".to_owned()),
        },
    }
}

impl Whom {
    /// The address.
    ///
    /// # Errors
    /// When the daemon has no HTTP, or the configuration that is named has faults.
    pub(super) fn address(&self) -> Result<SocketAddr, Failure> {
        let off =
            || Failure::new(exit::UNAVAILABLE, &"the daemon has no HTTP to be asked over: http.listen is \"off\"");
        match self.http {
            Some(Http::At(address)) => return Ok(address),
            Some(Http::Off) => return Err(off()),
            Some(Http::Unsaid) | None => {}
        }
        let loaded = config::load(self.config.as_deref(), &Overrides::default());
        // A file that nobody has named need not be for everybody to read; then the default may do.
        let loaded = loaded.or_else(|faults| match self.config {
            Some(_) => Err(faults),
            None => config::load_text("", None, &Overrides::default()),
        });
        let loaded = loaded.map_err(|faults| Failure::new(exit::CONFIG, &faults))?;
        loaded.config.http.listen.ok_or_else(off)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn whom(http: Option<&str>, file: Option<&str>) -> Result<SocketAddr, Failure> {
        let file = file.map(|text| {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            file
        });
        let config = file.as_ref().map(|file| file.path().to_owned());
        Whom { http: http.map(|text| read(text).unwrap()), config }.address()
    }

    #[test]
    fn the_flag_goes_before_the_file() {
        let at = |text: &str| Ok(text.parse().unwrap());
        let file = "[http]\nlisten = \"127.0.0.2:9\"\n";
        assert_eq!(whom(Some("127.0.0.1:7"), Some(file)), at("127.0.0.1:7"));
        assert_eq!(whom(Some("http://127.0.0.1:7/"), Some(file)), at("127.0.0.1:7"));
        assert_eq!(whom(None, Some(file)), at("127.0.0.2:9"));
        assert_eq!(whom(Some(""), Some(file)), at("127.0.0.2:9"));
        assert_eq!(whom(None, Some("")), at("127.0.0.1:9153"));
        assert!(read("here").is_err() && read("127.0.0.1").is_err());
    }

    #[test]
    fn a_daemon_without_http_and_a_faulty_file_are_told() {
        for off in [whom(Some("off"), None), whom(None, Some("[http]\nlisten = \"off\"\n"))] {
            let failure = off.unwrap_err();
            assert_eq!(failure.code, exit::UNAVAILABLE);
            assert!(failure.message.contains("the daemon has no HTTP"), "{failure:?}");
        }
        assert_eq!(whom(None, Some("[http]\nlisten = 5\n")).unwrap_err().code, exit::CONFIG);
    }
}
