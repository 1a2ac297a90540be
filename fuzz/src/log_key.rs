//! Keys of logs, and what may be typed in their place: a key says the same when it is written and parsed again, and
//! where the log is asked is a URL of http or https or a folder.

use goverify::trust::{LogKey, Sumdb};

use crate::Seed;
use crate::logged::LOG;

pub fn seeds() -> Vec<Seed> {
    let key = LOG.key().text();
    vec![
        Seed::accepted("url", format!("{key} https://log.example/sumdb")),
        Seed::accepted("folder", format!("{key} /srv/mirror/sumdb")),
        Seed::accepted("name", "sum.golang.org"),
        Seed::accepted("name-url", "sum.golang.org https://proxy.example/sumdb/sum.golang.org/"),
        Seed::accepted("china", "sum.golang.google.cn"),
        Seed::accepted("off", "off"),
        Seed::rejected("other-hash", key.replacen('+', "+0", 1)),
        Seed::rejected("ftp", format!("{key} ftp://log.example")),
        Seed::rejected("parent", format!("{key} https://log.example/../x")),
        Seed::accepted("key", key),
    ]
}

pub fn check(input: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(input) else { return false };
    if let Ok(key) = text.parse::<LogKey>() {
        assert_eq!(key.to_string(), text);
        assert!(!key.name().is_empty() && !key.name().contains(|c: char| c.is_whitespace() || c == '+'), "{text:?}");
    }
    let Ok(sumdb) = text.parse::<Sumdb>() else { return false };
    if let Sumdb::Log(source) = sumdb {
        let key = source.key();
        assert_eq!(key.to_string().parse::<LogKey>().as_ref(), Ok(key));
        let url = source.url();
        let is_web = url.starts_with("https://") || url.starts_with("http://");
        assert!(is_web || url.starts_with("file://") || !url.contains("://"), "{text:?} is asked at {url:?}");
        assert!(!is_web || url.chars().all(|c| c.is_ascii_graphic()), "{text:?} is asked at {url:?}");
    }
    true
}
