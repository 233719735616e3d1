//! Texts as they may be shown: without what opens a door.

/// Stands for what is not shown.
const HIDDEN: &str = "***";

/// `text` without the user names, passwords and parameters of the URLs in it.
#[must_use]
pub fn secrets(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        shown.push_str(before);
        shown.push_str("://");
        let end = after.find(|end: char| end.is_whitespace() || "`\"'<>".contains(end)).unwrap_or(after.len());
        let (url, behind) = after.split_at(end);
        // A password may have any character, a slash included.
        let url = match url.rsplit_once('@') {
            Some((_, host)) => format!("{HIDDEN}@{host}"),
            None => url.to_owned(),
        };
        match url.split_once('?') {
            Some((place, _)) => shown.extend([place, "?", HIDDEN]),
            None => shown.push_str(&url),
        }
        rest = behind;
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_opens_a_door_is_not_shown() {
        for (text, shown) in [
            ("nothing to hide, a@b.example", "nothing to hide, a@b.example"),
            ("https://sqs.example/1/q", "https://sqs.example/1/q"),
            ("tls://10.0.0.2:853#dns.example", "tls://10.0.0.2:853#dns.example"),
            ("https://me:secret@sqs.example/1/q", "https://***@sqs.example/1/q"),
            ("https://me:s/e@cr?et@sqs.example", "https://***@sqs.example"),
            ("https://sqs.example/q?token=secret", "https://sqs.example/q?***"),
            (
                "`http://a:secret@x` is none, `http://b:secret@y` neither",
                "`http://***@x` is none, `http://***@y` neither",
            ),
            ("://", "://"),
        ] {
            assert_eq!(secrets(text), shown, "{text}");
        }
    }
}
