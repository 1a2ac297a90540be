//! Paths of entries: what is accepted stays what it is, and is a way straight down on every system.

use std::path::{Component, Path};

use goverify::archive::EntryPath;

use crate::Seed;

/// What some system takes for something else than a part of a name.
const SPECIAL: [char; 9] = ['\\', ':', '<', '>', '"', '|', '?', '*', '\0'];

pub fn seeds() -> Vec<Seed> {
    vec![
        Seed::accepted("file", "go/src/cmd/go/main.go"),
        Seed::accepted("non-ascii", "go/test/fixedbugs/issue27836.dir/\u{de}foo.go"),
        Seed::accepted("deep", ["d"; 60].join("/")),
        Seed::rejected("parent", "go/../x"),
        Seed::rejected("device", "go/COM1.txt"),
        Seed::rejected("superscript", "go/LPT\u{b2}"),
        Seed::rejected("short", "go/PROGRA~1"),
        Seed::rejected("nfd", "go/e\u{301}"),
        Seed::rejected("drive", "c:/x"),
        Seed::rejected("dot", "go/x./y"),
    ]
}

pub fn check(input: &[u8]) -> bool {
    let Ok(path) = EntryPath::parse(input) else { return false };
    let text = path.as_str();
    assert_eq!((text.as_bytes(), path.to_string().as_str()), (input, text));
    let components: Vec<_> = Path::new(text).components().collect();
    assert_eq!(components.len(), text.split('/').count(), "{text:?}");
    assert!(components.iter().all(|component| matches!(component, Component::Normal(_))), "{text:?}");
    assert!(!text.contains(|c: char| SPECIAL.contains(&c) || c.is_control()), "{text:?}");
    assert!(text.split('/').all(|name| !name.ends_with(['.', ' ']) && name.len() <= 255), "{text:?}");
    let (directory, name) = path.split();
    if directory.is_empty() {
        assert_eq!(name, text);
    } else {
        assert_eq!(format!("{directory}/{name}"), text);
        assert_eq!(path.below(directory).unwrap().as_str(), name);
        assert_eq!(EntryPath::parse(directory.as_bytes()).unwrap().as_str(), directory);
        assert_eq!(EntryPath::parse(name.as_bytes()).unwrap().as_str(), name);
    }
    true
}
