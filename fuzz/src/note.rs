//! Signed notes: what is opened was signed by the key, word for word, and a tree head that was opened opens again from
//! what is kept of it.

use goverify::trust::{NOTE_SIZE_LIMIT_BYTES, SignedTreeHead};

use crate::Seed;
use crate::logged::{KEY, LOG};
use crate::support::log::TestKey;

pub fn seeds() -> Vec<Seed> {
    let (witness, namesake) = (TestKey::new("witness.example", 9), TestKey::new("log.example/sumdb", 8));
    let text = LOG.head_text(15);
    let head = LOG.head(15);
    vec![
        Seed::accepted("head", head.clone()),
        Seed::accepted("head-of-none", LOG.head(0)),
        Seed::accepted("text", LOG.key().note("any text\n\nof two paragraphs\n")),
        Seed::accepted("witness", format!("{head}{}", witness.line(&text))),
        Seed::accepted("namesake", format!("{text}\n{}{}", namesake.line(&text), LOG.key().line(&text))),
        Seed::rejected("witness-alone", witness.note(&text)),
        Seed::rejected("other-text", head.replacen("15", "16", 1)),
        Seed::rejected("second-bad", format!("{head}{}", LOG.key().line("another text\n"))),
        Seed::rejected("unsigned", text),
    ]
}

pub fn check(input: &[u8]) -> bool {
    let opened = KEY.open(input);
    let head = SignedTreeHead::open(input, &KEY);
    let Ok(text) = opened else {
        assert!(head.is_err(), "a tree head out of a note that does not open");
        return false;
    };
    assert!(input.len() <= NOTE_SIZE_LIMIT_BYTES);
    let lines = input.strip_prefix(text.as_bytes()).and_then(|rest| rest.strip_prefix(b"\n")).unwrap();
    // An Ed25519 key has one signature for one text (RFC 8032 §5.1.6), and base64 one spelling for it.
    let line = LOG.key().line(text);
    assert!(std::str::from_utf8(lines).unwrap().split_inclusive('\n').any(|found| found == line), "not signed");
    if let Ok(head) = head {
        assert_eq!(head.note(), format!("{text}\n{line}"));
        assert_eq!(SignedTreeHead::open(head.note().as_bytes(), &KEY).as_ref(), Ok(&head));
    }
    true
}
