//! Names that no archive's entry may have, and names that no two may have between them, whatever the format.

use goverify::archive::{CollisionFault, PathFault};

/// A kind of path that leads elsewhere, or to another file on some system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Up the tree, or nowhere (Zip Slip; golang/dl's own check misses a final `..`).
    Up,
    /// From a root, a drive or a server (GO-2023-2185, node-tar CVE-2026-29786 and CVE-2026-31802).
    Rooted,
    /// With characters that are special on some system, or with an end that one strips.
    Characters,
    /// Of a Windows device (RUSTSEC-2024-0445, CVE-2024-51756, GO-2023-2186) or an 8.3 alias.
    Devices,
    /// With nothing in it or too much.
    Shapes,
}

const UP: [&str; 13] = [
    "../x",
    "go/../x",
    "go/a/../../../x",
    "go/..",
    "go/src/../",
    "go/src/..",
    "..",
    "./go/x",
    "go/./x",
    ".",
    "go/.",
    "go/src/../VERSION",
    "../../../../../../../../etc/passwd",
];
const ABSOLUTE: [&str; 7] = ["/etc/x", "//x", "/go/x", "//server/share/x", "/go/../x", "//?/C:/x", "/dev/null"];
const DRIVES: [&str; 9] =
    ["C:\\x", "C:x", "C:/x", "c:/go/x", "\\x", "\\\\?\\x", "\\\\server\\share", "\\??\\C:\\x", "C:../x"];
const CHARACTERS: [&str; 8] = [
    "go\\x",
    "go/..\\..\\x",
    "..\\x",
    "go/file:stream",
    "go/VERSION::$DATA",
    "go/a\u{80}",
    "go/a\u{9f}",
    "go/a\u{85}b",
];
const ENDS: [&str; 11] =
    ["go/x.", "go/x ", "go/...", "go/x./y", "go/x /y", "go/.. /x", "go /x", "go./x", "go/VERSION.", " ", "go/src/prn."];
const DEVICES: [&str; 6] = ["go/CON/x", "CON", "go/nul.tar.gz", "go/NUL .txt", "go/aux.go", "go/com1 .c"];
const SHORT: [&str; 5] = ["go/ANDROI~2", "go/a~1", "go/PROGRA~1/x", "go/x~10.go", "go/VERSIO~1"];
const EMPTY: [&str; 5] = ["", "go//x", "go/src//", "go/src//x", "go//"];

/// Every path that must be refused, with its kind and the rule that it breaks.
pub(crate) fn refused() -> Vec<(Kind, String, PathFault)> {
    let known = [
        (Kind::Up, PathFault::Dots, &UP[..]),
        (Kind::Rooted, PathFault::Absolute, &ABSOLUTE),
        (Kind::Rooted, PathFault::Character, &DRIVES),
        (Kind::Characters, PathFault::Character, &CHARACTERS),
        (Kind::Characters, PathFault::TrailingDotOrSpace, &ENDS),
        (Kind::Devices, PathFault::Device, &DEVICES),
        (Kind::Devices, PathFault::ShortName, &SHORT),
        (Kind::Shapes, PathFault::Empty, &EMPTY),
    ];
    let mut all: Vec<_> = known
        .into_iter()
        .flat_map(|(kind, fault, paths)| paths.iter().map(move |&path| (kind, path.to_owned(), fault)))
        .collect();
    let controls = (1..0x20u8).chain([0x7f]).chain(*b"\\:<>\"|?*").map(char::from);
    all.extend(controls.map(|c| (Kind::Characters, format!("go/src/a{c}b"), PathFault::Character)));
    let ports = ["COM", "LPT"].iter().flat_map(|port| "0123456789¹²³".chars().map(move |n| format!("{port}{n}")));
    for device in ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].map(str::to_owned).into_iter().chain(ports) {
        all.push((Kind::Devices, format!("go/src/{}.txt", device.to_lowercase()), PathFault::Device));
        all.push((Kind::Devices, format!("go/{device}"), PathFault::Device));
    }
    let long = [
        format!("go/{}", "a".repeat(256)),
        format!("go/{}", ["a"; 64].join("/")),
        format!("go/{}", vec!["a"; 16_000].join("/")),
        format!("go/{}/x", "a".repeat(256)),
        format!("go/{}", vec!["a".repeat(250); 5].join("/")),
    ];
    all.extend(long.map(|path| (Kind::Shapes, path, PathFault::TooLong)));
    all
}

/// What stands for a path in the name of a case.
pub(crate) fn shown(path: &str) -> String {
    if path.len() < 99 { format!("path {path:?}") } else { format!("path of {} bytes", path.len()) }
}

/// Paths beside those, which nothing is wrong with.
pub(crate) fn neighbours() -> Vec<String> {
    let known = ["go/..x", "go/a b", "go/nul_.txt", "go/COM10", "go/x~", "go/src/é", "go/com/x"];
    let long = [format!("go/{}", "a".repeat(255)), format!("go/{}", ["a"; 63].join("/"))];
    known.map(str::to_owned).into_iter().chain(long).collect()
}

/// Two paths of files that cannot both be, and how the later one collides.
pub(crate) fn colliding() -> Vec<(&'static str, &'static str, CollisionFault)> {
    let folded = |path: &str| CollisionFault::Folded(path.to_owned());
    vec![
        ("go/src/a", "go/src/a", CollisionFault::Duplicate),
        ("go/VERSION", "go/VERSION", CollisionFault::Duplicate),
        ("go/src/a", "go/src/a/b", CollisionFault::FileAndDirectory),
        ("go/src/a/b", "go/src/a", CollisionFault::FileAndDirectory),
        ("go/src/a", "go/src/a/b/c", CollisionFault::FileAndDirectory),
        ("go/src/a", "go/src", CollisionFault::FileAndDirectory),
        ("go/src/Tmp", "go/src/tmp", folded("go/src/Tmp")),
        ("go/src/tmp", "go/src/TMP", folded("go/src/tmp")),
        ("go/src/Tmp/x", "go/src/tmp/y", folded("go/src/Tmp")),
        ("go/src/Tmp/x", "go/src/tmp", folded("go/src/Tmp")),
        ("go/src/Tmp", "go/src/tmp/x", folded("go/src/Tmp")),
        ("go/src/É", "go/src/é", folded("go/src/É")),
        ("go/src/ß", "go/src/ss", folded("go/src/ß")),
        ("go/src/ẞ", "go/src/ß", folded("go/src/ẞ")),
        ("go/src/ß", "go/src/SS", folded("go/src/ß")),
        ("go/src/ﬁ", "go/src/fi", folded("go/src/ﬁ")),
        ("go/src/ﬃ", "go/src/FFI", folded("go/src/ﬃ")),
        ("go/src/ſ", "go/src/s", folded("go/src/ſ")),
        ("go/src/ς", "go/src/σ", folded("go/src/ς")),
        ("go/src/Σ", "go/src/ς", folded("go/src/Σ")),
        ("go/src/µ", "go/src/μ", folded("go/src/µ")),
        ("go/src/ª", "go/src/a", folded("go/src/ª")),
        ("go/src/²", "go/src/2", folded("go/src/²")),
        ("go/src/①", "go/src/1", folded("go/src/①")),
        ("go/src/½", "go/src/1\u{2044}2", folded("go/src/½")),
        ("go/src/ａ", "go/src/a", folded("go/src/ａ")),
        ("go/src/ǅ", "go/src/dž", folded("go/src/ǅ")),
        ("go/src/ŉ", "go/src/ʼn", folded("go/src/ŉ")),
        ("go/src/ᾳ", "go/src/αι", folded("go/src/ᾳ")),
        ("go/src/և", "go/src/եւ", folded("go/src/և")),
        ("go/src/Ꭰ", "go/src/ꭰ", folded("go/src/Ꭰ")),
        ("go/src/𐐀", "go/src/𐐨", folded("go/src/𐐀")),
        ("go/src/İ", "go/src/i\u{307}", folded("go/src/İ")),
        ("go/src/a／b", "go/src/a/b", folded("go/src/a／b")),
        ("go/src/a/c", "go/src/℀", folded("go/src/a")),
    ]
}

/// Files that may be beside one another.
pub(crate) const APART: [&str; 8] =
    ["go/src/Tmp", "go/src/tmp2", "go/src/é/b", "go/src/ß", "go/src/s", "go/src/fi", "go/src/ı", "go/src/i"];

/// UTF-8 in other forms than NFC: a decomposed letter, a Kelvin, an Ångström and an Ohm sign, a syllable in pieces.
pub(crate) const NOT_NFC: [&str; 6] = [
    "go/src/e\u{301}",
    "go/src/\u{212a}",
    "go/src/\u{212b}",
    "go/src/\u{2126}",
    "go/src/\u{1100}\u{1161}",
    "go/e\u{301}/x",
];

/// Bytes that are not UTF-8, among them what lax decoders take for `/`, `.` or NUL.
pub(crate) const NOT_UTF8: [(&str, &[u8]); 12] = [
    ("Latin-1", b"go/src/\xe9"),
    ("code page 437", b"go/src/\x82"),
    ("Shift JIS", b"go/src/\x83\x5c"),
    ("a continuation alone", b"go/src/\x80"),
    ("a long slash", b"go/src\xc0\xafx"),
    ("a longer slash", b"go/src\xe0\x80\xafx"),
    ("long dots", b"go/\xc0\xae\xc0\xae/x"),
    ("a long NUL", b"go/src/a\xc0\x80"),
    ("a surrogate", b"go/src/\xed\xa0\x80"),
    ("a pair of surrogates", b"go/src/\xed\xa0\x80\xed\xb0\x80"),
    ("more than Unicode has", b"go/src/\xf4\x90\x80\x80"),
    ("half a character", b"go/src/\xc3"),
];

/// Where only another first component, or none, keeps an entry out of `go/`: components are compared, not the first
/// letters of a path (pip CVE-2026-1703).
pub(crate) const OUTSIDE: [&str; 10] =
    ["golang/x", "go.env", "gox/x", "src/go/x", "x", "g/o", "goo", "go-1.22.5/x", "go1.22.5/go/x", "gö/x"];
