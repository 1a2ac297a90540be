//! Keys of logs, notes that they have signed, and texts that look like either.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

#[path = "support/log.rs"]
mod log;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use goverify::error::{Code, Coded};
use goverify::trust::{LogError, LogKey, LogKeyFault, LogSource, NoteFault, SignedTreeHead, Sumdb, TreeHeadFault};
use log::{TestKey, TestLog};
use sha2::{Digest, Sha256};

const GO_KEY: &str = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
const TEXT: &str = "Wer nie sein Brot mit Tränen aß,\n\nder kennt euch nicht.\n";

fn trusted() -> TestKey {
    TestKey::new("log.example/sumdb", 7)
}

fn key(of: &TestKey) -> LogKey {
    of.text().parse().unwrap()
}

fn fault(text: &str) -> LogKeyFault {
    let error = text.parse::<LogKey>().unwrap_err();
    assert_eq!((error.code(), error.text.as_str()), (Code::Usage, text));
    error.fault
}

/// A key text whose id is right, whatever else is not.
fn key_text(name: &str, typed: &[u8]) -> String {
    let id = Sha256::digest([name.as_bytes(), b"\n", typed].concat());
    format!("{name}+{}+{}", hex::encode(&id[..4]), STANDARD.encode(typed))
}

#[test]
fn gos_key_is_built_in_and_a_key_has_one_text() {
    assert_eq!(LogKey::sum_golang_org().unwrap().to_string(), GO_KEY);
    assert_eq!(LogKey::sum_golang_org().unwrap().name(), "sum.golang.org");
    let text = trusted().text();
    assert_eq!(text.parse::<LogKey>().unwrap().to_string(), text);
    for at in 0..text.len() {
        let mut changed = text.clone().into_bytes();
        changed[at] ^= 1;
        assert!(String::from_utf8(changed).unwrap().parse::<LogKey>().is_err(), "byte {at}");
        assert!(text[..at].parse::<LogKey>().is_err() && (at == 0 || text[at..].parse::<LogKey>().is_err()));
    }
}

#[test]
fn l05_texts_that_are_no_key() {
    let typed = STANDARD.decode(GO_KEY.splitn(3, '+').nth(2).unwrap()).unwrap();
    assert_eq!(key_text("sum.golang.org", &typed), GO_KEY);
    let other = |first: u8| [&[first], &typed[1..]].concat();
    let weak = [&[1, 1], &[0; 31][..]].concat();
    let no_point = [&[1, 2], &[0; 31][..]].concat();
    for (text, expected) in [
        (String::new(), LogKeyFault::Syntax),
        ("sum.golang.org".to_owned(), LogKeyFault::Syntax),
        ("sum.golang.org+033de0ae".to_owned(), LogKeyFault::Syntax),
        (format!("{GO_KEY}="), LogKeyFault::Syntax),
        (format!("{GO_KEY}\n"), LogKeyFault::Syntax),
        (format!("{GO_KEY} "), LogKeyFault::Syntax),
        (GO_KEY.replace("+HJy", "-HJy"), LogKeyFault::Syntax),
        ("x".repeat(2_000), LogKeyFault::Syntax),
        (GO_KEY.replace("033de0ae", "033DE0AE"), LogKeyFault::Id),
        (GO_KEY.replace("033de0ae", "33de0ae"), LogKeyFault::Id),
        (GO_KEY.replace("033de0ae", "033de0af"), LogKeyFault::Id),
        (GO_KEY.replace("sum.", "sun."), LogKeyFault::Id),
        (key_text("", &typed), LogKeyFault::Name),
        (key_text("sum golang", &typed), LogKeyFault::Name),
        (key_text("sum\u{2003}golang", &typed), LogKeyFault::Name),
        (key_text("sum\u{1b}golang", &typed), LogKeyFault::Name),
        (key_text("sum.golang.org", &other(2)), LogKeyFault::Algorithm),
        (key_text("sum.golang.org", &other(0)), LogKeyFault::Algorithm),
        (key_text("sum.golang.org", &typed[..32]), LogKeyFault::Algorithm),
        (key_text("sum.golang.org", &[&typed[..], &[0]].concat()), LogKeyFault::Algorithm),
        (key_text("sum.golang.org", &[]), LogKeyFault::Algorithm),
        (key_text("sum.golang.org", &weak), LogKeyFault::Weak),
        (key_text("sum.golang.org", &no_point), LogKeyFault::NotAPoint),
    ] {
        assert_eq!(fault(&text), expected, "{text}");
    }
    assert!(key_text("sum/golang-ö", &typed).parse::<LogKey>().is_ok());
    let longest = |bytes: usize| key_text(&"x".repeat(bytes - key_text("", &typed).len()), &typed);
    assert!(longest(1024).parse::<LogKey>().is_ok());
    for bytes in [1025, 1026] {
        assert_eq!(fault(&longest(bytes)), LogKeyFault::Syntax);
    }
}

#[test]
fn a_log_is_chosen_as_gosumdb_does_it() {
    let mine = trusted().text();
    for (text, key, explicit, url) in [
        ("sum.golang.org", GO_KEY, None, "https://sum.golang.org"),
        (GO_KEY, GO_KEY, None, "https://sum.golang.org"),
        ("sum.golang.google.cn", GO_KEY, Some("https://sum.golang.google.cn"), "https://sum.golang.google.cn"),
        ("sum.golang.org https://x.example/a/", GO_KEY, Some("https://x.example/a"), "https://x.example/a"),
        ("sum.golang.google.cn https://x.example", GO_KEY, Some("https://x.example"), "https://x.example"),
        (&mine, &mine, None, "https://log.example/sumdb"),
        ("sum.golang.org /srv/go/log", GO_KEY, Some("/srv/go/log"), "/srv/go/log"),
        ("sum.golang.org file:///srv/go/log", GO_KEY, Some("file:///srv/go/log"), "file:///srv/go/log"),
        (&format!("{mine} http://127.0.0.1:80"), &mine, Some("http://127.0.0.1:80"), "http://127.0.0.1:80"),
    ] {
        let Sumdb::Log(source) = text.parse().unwrap() else { panic!("{text}") };
        assert_eq!((source.key().to_string().as_str(), source.explicit_url()), (key, explicit), "{text}");
        assert_eq!(source.url(), url, "{text}");
    }
    let place = |bytes: usize| format!("https://x.example/{}", "y".repeat(bytes - "https://x.example/".len()));
    let at = |bytes: usize| format!("sum.golang.org {}", place(bytes)).parse::<Sumdb>().map_err(|error| error.fault);
    let Ok(Sumdb::Log(longest)) = at(1024) else { panic!("1024") };
    assert_eq!(longest.url(), place(1024));
    for bytes in [1025, 1026] {
        assert_eq!(at(bytes), Err(LogKeyFault::Url));
    }
    assert_eq!("off".parse(), Ok(Sumdb::Off));
    assert_eq!("sum.golang.org".parse(), Ok(Sumdb::Log(Box::new(LogSource::sum_golang_org().unwrap()))));
    for (text, expected) in [
        ("", LogKeyFault::Syntax),
        ("OFF", LogKeyFault::Syntax),
        ("off https://x.example", LogKeyFault::Syntax),
        ("sum.golang.com", LogKeyFault::Syntax),
        (" sum.golang.org", LogKeyFault::Syntax),
        ("sum.golang.org ", LogKeyFault::Url),
        ("sum.golang.org ftp://x.example", LogKeyFault::Url),
        ("sum.golang.org https://", LogKeyFault::Url),
        ("sum.golang.org https:///x", LogKeyFault::Url),
        ("sum.golang.org https://user@x.example", LogKeyFault::Url),
        ("sum.golang.org https://x.example/?a", LogKeyFault::Url),
        ("sum.golang.org https://x.example/#a", LogKeyFault::Url),
        ("sum.golang.org https://x.example/../y", LogKeyFault::Url),
        ("sum.golang.org https://x.example\n", LogKeyFault::Url),
        ("sum.golang.org https://x.example https://y.example", LogKeyFault::Fields),
        (&TestKey::new("a@b", 7).text(), LogKeyFault::Url),
        (&TestKey::new("/etc/passwd", 7).text(), LogKeyFault::Url),
    ] {
        let error = text.parse::<Sumdb>().unwrap_err();
        assert_eq!((error.code(), error.fault), (Code::Usage, expected), "{text:?}");
    }
}

#[test]
fn a_note_is_opened_by_the_key_that_signed_it() {
    let (trusted, stranger) = (trusted(), TestKey::new("witness.example", 9));
    let same_name = TestKey::new("log.example/sumdb", 9);
    let (mine, theirs) = (trusted.line(TEXT), stranger.line(TEXT));
    for lines in [
        mine.clone(),
        format!("{mine}{theirs}"),
        format!("{theirs}{mine}"),
        format!("{mine}{mine}"),
        format!("{mine}{}", same_name.line(TEXT)),
        format!("{mine}{}", stranger.line("another text\n")),
        format!("{mine}— x AAAAAAA=\n"),
        format!("{mine}{}", theirs.repeat(99)),
    ] {
        assert_eq!(key(&trusted).open(format!("{TEXT}\n{lines}").as_bytes()), Ok(TEXT), "{lines}");
    }
    for text in ["\n", "x\n", "x\n\n", "\n\n\n", "x\n\n— not a signature\n"] {
        assert_eq!(key(&trusted).open(trusted.note(text).as_bytes()), Ok(text));
    }
    let largest = format!("{}\n", "x".repeat((64 << 10) - 2 - mine.len()));
    assert_eq!(key(&trusted).open(trusted.note(&largest).as_bytes()), Ok(largest.as_str()));
    let longer = trusted.note(&format!("x{largest}"));
    assert_eq!(key(&trusted).open(longer.as_bytes()), Err(NoteFault::TooLong));
}

#[test]
fn l05_notes_that_the_key_did_not_sign_or_that_are_none() {
    let (trusted, stranger) = (trusted(), TestKey::new("witness.example", 9));
    let same_name = TestKey::new("log.example/sumdb", 9).line(TEXT);
    let (mine, theirs) = (trusted.line(TEXT), stranger.line(TEXT));
    let other_text = trusted.line("another text\n");
    let base64 = mine.trim_end().rsplit_once(' ').unwrap().1;
    let line = |base64: &str| format!("— log.example/sumdb {base64}\n");
    let bytes = STANDARD.decode(base64).unwrap();
    let changed = |at: usize| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        line(&STANDARD.encode(bytes))
    };
    // 68 bytes leave four bits unused.
    let slack = base64.strip_suffix('=').unwrap();
    let (kept, last) = slack.split_at(slack.len() - 1);
    let next = char::from(last.as_bytes()[0] + 1);
    let with_slack = format!("{kept}{next}=");
    assert!(STANDARD.decode(&with_slack).is_err());
    for (lines, fault) in [
        (String::new(), NoteFault::Unsigned),
        (theirs.clone(), NoteFault::UnknownKey),
        (same_name.clone(), NoteFault::UnknownKey),
        (mine.replace("log.example", "lag.example"), NoteFault::UnknownKey),
        (changed(0), NoteFault::UnknownKey),
        (changed(3), NoteFault::UnknownKey),
        (changed(4), NoteFault::BadSignature),
        (changed(67), NoteFault::BadSignature),
        (other_text.clone(), NoteFault::BadSignature),
        (format!("{mine}{other_text}"), NoteFault::BadSignature),
        (format!("{other_text}{mine}"), NoteFault::BadSignature),
        (line(&STANDARD.encode(&bytes[..67])), NoteFault::BadSignature),
        (line(&STANDARD.encode([&bytes[..], &[0]].concat())), NoteFault::BadSignature),
        (line(&STANDARD.encode(&bytes[..5])), NoteFault::BadSignature),
        (line(&STANDARD.encode(&bytes[..4])), NoteFault::SignatureLine),
        (line(""), NoteFault::SignatureLine),
        (line(&with_slack), NoteFault::SignatureLine),
        (line(slack), NoteFault::SignatureLine),
        (line(&format!("{base64}=")), NoteFault::SignatureLine),
        (line(&format!(" {base64}")), NoteFault::SignatureLine),
        (line(&format!("{base64} ")), NoteFault::SignatureLine),
        (format!("{mine}x\n"), NoteFault::SignatureLine),
        (format!("{mine}— x AAAAAA==\n"), NoteFault::SignatureLine),
        (format!("{mine}— x AAAAAAB=\n"), NoteFault::SignatureLine),
        (format!("{mine}—  AAAAAAA=\n"), NoteFault::SignatureLine),
        (format!("{mine}— x+y AAAAAAA=\n"), NoteFault::SignatureLine),
        (format!("{mine}— x\u{2003}y AAAAAAA=\n"), NoteFault::SignatureLine),
        (format!("x\n{mine}"), NoteFault::SignatureLine),
        (mine.trim_end().to_owned(), NoteFault::SignatureLine),
        (mine.replace('—', "-"), NoteFault::SignatureLine),
        (mine.replace("— ", "—"), NoteFault::SignatureLine),
        (mine.replace('\n', "\r\n"), NoteFault::Text),
        (format!("{mine}\n"), NoteFault::Unsigned),
        (format!("{mine}\n{mine}"), NoteFault::BadSignature),
        (mine.repeat(101), NoteFault::TooMany),
        (format!("{mine}{}", theirs.repeat(100)), NoteFault::TooMany),
    ] {
        assert_eq!(key(&trusted).open(format!("{TEXT}\n{lines}").as_bytes()), Err(fault), "{lines}");
    }
    for (note, fault) in [
        (b"".to_vec(), NoteFault::Unsigned),
        (mine.clone().into_bytes(), NoteFault::Unsigned),
        (format!("\n{mine}").into_bytes(), NoteFault::Unsigned),
        (format!("{TEXT}{mine}").into_bytes(), NoteFault::SignatureLine),
        (format!("x{TEXT}\n{mine}").into_bytes(), NoteFault::BadSignature),
        (format!("{TEXT}\n\n{mine}").into_bytes(), NoteFault::BadSignature),
        ([b"\xff", trusted.note(TEXT).as_bytes()].concat(), NoteFault::Text),
        (trusted.note("a\u{0}b\n").into_bytes(), NoteFault::Text),
        (trusted.note("a\tb\n").into_bytes(), NoteFault::Text),
        (trusted.note("a\r\n").into_bytes(), NoteFault::Text),
        (trusted.note("a\u{7f}\n").into_bytes(), NoteFault::Text),
        (trusted.note("a\u{85}\n").into_bytes(), NoteFault::Text),
        ([trusted.note(TEXT).as_bytes(), b"\0"].concat(), NoteFault::Text),
    ] {
        assert_eq!(key(&trusted).open(&note), Err(fault), "{}", String::from_utf8_lossy(&note));
        assert_eq!(LogError::from(fault).code(), Code::TransparencyBadProof);
    }
}

#[test]
fn a_tree_head_is_a_note_of_three_lines() {
    let log = TestLog::with(15, &[]);
    let open = |text: &str| SignedTreeHead::open(log.key().note(text).as_bytes(), &key(log.key()));
    let text = log.head_text(15);
    let head = open(&text).unwrap();
    assert_eq!((head.log(), head.size(), head.root()), (TestLog::NAME, 15, &log.root_of(0, 15)));
    assert_eq!((head.note(), head.root_base64().as_str()), (log.head(15).as_str(), text.lines().nth(2).unwrap()));
    assert_eq!(head, open(&text).unwrap());
    assert_ne!(head, open(&log.head_text(14)).unwrap());
    for text in [format!("{text}extension\n"), format!("{text}a\nb c\n"), log.head_text(0)] {
        assert!(open(&text).is_ok(), "{text}");
    }
    let root = head.root_base64();
    let origin = "go.sum database tree";
    for (text, fault) in [
        ("\n".to_owned(), TreeHeadFault::Origin),
        (format!(" {text}"), TreeHeadFault::Origin),
        (text.replace("tree", "trees"), TreeHeadFault::Origin),
        (text.replace("go.sum", "sum.go"), TreeHeadFault::Origin),
        (format!("{origin}\n"), TreeHeadFault::Line),
        (format!("{origin}\n15\n"), TreeHeadFault::Line),
        (format!("{text}\n"), TreeHeadFault::Line),
        (format!("{text}a\n\nb\n"), TreeHeadFault::Line),
        (format!("{origin}\n{root}\n15\n"), TreeHeadFault::Size),
        (format!("{origin}\n015\n{root}\n"), TreeHeadFault::Size),
        (format!("{origin}\n00\n{root}\n"), TreeHeadFault::Size),
        (format!("{origin}\n\n{root}\n"), TreeHeadFault::Size),
        (format!("{origin}\n4611686018427387904\n{root}\n"), TreeHeadFault::Size),
        (format!("{origin}\n15\n{root} \n"), TreeHeadFault::Root),
        (format!("{origin}\n15\n{}\n", root.trim_end_matches('=')), TreeHeadFault::Root),
        (format!("{origin}\n15\n{}\n", STANDARD.encode([0; 31])), TreeHeadFault::Root),
        (format!("{origin}\n15\n{}\n", STANDARD.encode([0; 33])), TreeHeadFault::Root),
        (format!("{origin}\n15\n\n"), TreeHeadFault::Root),
        // The tree without records has one root.
        (format!("{origin}\n0\n{root}\n"), TreeHeadFault::Root),
    ] {
        assert_eq!(open(&text), Err(fault.into()), "{text}");
    }
    assert!(open(&format!("{origin}\n4611686018427387903\n{root}\n")).is_ok());
}
