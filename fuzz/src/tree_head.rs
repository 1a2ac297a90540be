//! The texts of tree heads. They are read only once they are signed, so the log's key signs whatever the input is: a
//! log that is itself the attacker could do that. What is accepted has one spelling for its size and its root.

use goverify::trust::SignedTreeHead;

use crate::Seed;
use crate::logged::{KEY, LOG, RECORDS};

pub fn seeds() -> Vec<Seed> {
    let text = LOG.head_text(RECORDS);
    let largest = text.replacen("700", &((1_u64 << 62) - 1).to_string(), 1);
    vec![
        Seed::accepted("extension", format!("{text}more\n")),
        Seed::accepted("none", LOG.head_text(0)),
        Seed::accepted("largest", largest),
        Seed::rejected("too-large", text.replacen("700", &(1_u64 << 62).to_string(), 1)),
        Seed::rejected("leading-zero", text.replacen("700", "0700", 1)),
        Seed::rejected("none-with-root", text.replacen("700", "0", 1)),
        Seed::accepted("head", text),
    ]
}

pub fn check(input: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(input) else { return false };
    let note = LOG.key().note(text);
    let Ok(head) = SignedTreeHead::open(note.as_bytes(), &KEY) else { return false };
    let start = format!("go.sum database tree\n{}\n{}\n", head.size(), head.root_base64());
    assert!(text.starts_with(&start) && head.size() < 1 << 62, "{text:?}");
    assert_eq!((head.note(), head.log()), (&note[..], KEY.name()));
    true
}
