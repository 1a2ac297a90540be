//! The JSON index of releases, and the names in it: what is read tolerantly, what strictly, and what not at all.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

#[path = "index/names.rs"]
mod names;

use goverify::error::{Code, Coded};
use goverify::release::{
    ArchiveName, INDEX_SIZE_LIMIT_BYTES, ReleaseError, ReleaseFile, ReleaseIndex, Selector, Target, Version,
};

const SHA256: &str = "4e408abae126d916b6164627193f2c54f0e3ca1312d693b86db45f862ab238b1";
const NAME: &str = "go1.22.5.linux-amd64.tar.gz";
/// A release without files.
const EMPTY: &str = r#"{"version":"go1.20","stable":true,"files":[]}"#;

/// The JSON of a good entry for [`NAME`], in which `field` has this JSON value, or is not there.
fn entry_with(field: &str, value: Option<&str>) -> String {
    let sha256 = format!("\"{SHA256}\"");
    let name = format!("\"{NAME}\"");
    let mut fields = vec![
        ("filename", name.as_str()),
        ("os", "\"linux\""),
        ("arch", "\"amd64\""),
        ("version", "\"go1.22.5\""),
        ("sha256", &sha256),
        ("size", "70553950"),
        ("kind", "\"archive\""),
    ];
    fields.retain(|(name, _)| *name != field);
    fields.extend(value.map(|value| (field, value)));
    let fields: Vec<_> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", fields.join(","))
}

fn entry() -> String {
    entry_with("", None)
}

fn release(version: &str, stable: &str, files: &[String]) -> String {
    format!(r#"{{"version":"{version}","stable":{stable},"files":[{}]}}"#, files.join(","))
}

/// The index whose only release has these files.
fn index(files: &[String]) -> String {
    format!("[{}]", release("go1.22.5", "true", files))
}

fn parse(text: impl AsRef<[u8]>) -> Result<ReleaseIndex, Code> {
    ReleaseIndex::parse(text.as_ref()).map_err(|error| error.code())
}

fn select_for(target: &str, index: &str) -> Result<ReleaseFile, Code> {
    parse(index)?.releases()[0].file(&target.parse().unwrap()).map_err(|error| error.code())
}

/// The size that the index's entry for linux/amd64 promises, if it can be used.
fn select(index: &str) -> Result<u64, Code> {
    select_for("linux/amd64", index).map(|file| file.size_bytes())
}

const GOOD: Result<u64, Code> = Ok(70_553_950);
const MALFORMED: Code = Code::IndexMalformed;

#[track_caller]
fn assert_malformed(text: impl AsRef<[u8]>) {
    let text = text.as_ref();
    assert_eq!(parse(text).map(drop), Err(MALFORMED), "{:.200}", text.escape_ascii().to_string());
}

#[test]
fn j01_file_name_that_is_not_the_published_one() {
    for name in [
        "../go1.22.5.linux-amd64.tar.gz",
        "/go1.22.5.linux-amd64.tar.gz",
        "go1.22.5/../go1.22.5.linux-amd64.tar.gz",
        r"..\\go1.22.5.linux-amd64.tar.gz",
        "%2e%2e%2fgo1.22.5.linux-amd64.tar.gz",
        "go1.22.5.linux-amd64.tar.gz%00",
        r"go1.22.5.linux-amd64.tar.gz\u0000",
        r"go1.22.5.linux-amd64.tar.gz\n",
        "-go1.22.5.linux-amd64.tar.gz",
        "go1.22.5.linux-amd64.tar.gz ",
        "gо1.22.5.linux-amd64.tar.gz",
        "GO1.22.5.linux-amd64.tar.gz",
        "go1.22.5.linux-amd64.tgz",
        "go1.22.5.linux-amd64.zip",
        "go1.22.5.linux-amd64.tar.gz.asc",
        "go1.22.5.linux-arm64.tar.gz",
        "go1.22.6.linux-amd64.tar.gz",
        "http://mirror.example/go1.22.5.linux-amd64.tar.gz",
        "go1.22.5.linux-amd64.tar.gz?x=1",
        "",
    ] {
        assert_eq!(select(&index(&[entry_with("filename", Some(&format!("\"{name}\"")))])), Err(MALFORMED), "{name}");
        let bare = name.replace(r"\\", "\\").replace(r"\u0000", "\0").replace(r"\n", "\n");
        let published = ["go1.22.5.linux-arm64.tar.gz", "go1.22.6.linux-amd64.tar.gz"].contains(&name);
        assert_eq!(bare.parse::<ArchiveName>().is_ok(), published, "{name}");
    }
    for value in ["7", "null", "[]", "{}", "true"] {
        assert_malformed(index(&[entry_with("filename", Some(value))]));
    }
    assert_malformed(index(&[entry_with("filename", None)]));
    assert_eq!(select(&index(&[entry()])), GOOD);
    // Where such names are other files', they are of no concern, and are never shown as they are.
    let strange = entry_with("filename", Some(r#""../\u001b[2J""#)).replace("amd64", "arm64");
    assert_eq!(select(&index(&[strange.clone(), entry()])), GOOD);
    let message = ReleaseIndex::parse(index(&[strange]).as_bytes()).unwrap().releases()[0]
        .file(&"linux/arm64".parse().unwrap())
        .unwrap_err()
        .to_string();
    assert!(!message.contains('\u{1b}'), "{message}");
}

#[test]
fn j02_fields_that_contradict_the_file_name() {
    for (field, values) in [
        ("version", &["\"go1.22.6\"", "\"1.22.5\"", "\"go1.22.5 \"", "null", "1.22"][..]),
        ("os", &["\"darwin\"", "\"\"", "\"Linux\"", "null", "[\"linux\"]"]),
        ("arch", &["\"arm64\"", "\"\"", "\"x86-64\"", "null", "64"]),
        ("kind", &["\"installer\"", "\"source\"", "\"\"", "null", "{}"]),
    ] {
        for value in values {
            assert_eq!(select(&index(&[entry_with(field, Some(value))])), Err(MALFORMED), "{field}: {value}");
        }
        assert_eq!(select(&index(&[entry_with(field, None)])), Err(MALFORMED), "no {field}");
    }
    assert_eq!(select(&index(&[entry()])), GOOD);
    // Nor does another release's file become this one's by where it stands.
    let misplaced = format!("[{}]", release("go1.22.6", "true", &[entry()]));
    assert_eq!(select(&misplaced), Err(MALFORMED));
    assert_eq!(select(&misplaced.replace("1.22.6", "1.22.5")), GOOD);
}

#[test]
fn j03_duplicates() {
    let two = |a: &str, b: &str| format!("[{a},{b}]");
    let other = entry().replace("amd64", "arm64");
    let doubled = |text: &str, key: &str| text.replacen(&format!("\"{key}\":"), &format!("\"{key}\":1,\"{key}\":"), 1);
    for text in [
        two(EMPTY, EMPTY),
        two(EMPTY, &EMPTY.replace("true", "false")),
        two(EMPTY, &EMPTY.replace("[]", r#"[{"filename":"x"}]"#)),
        index(&[entry(), entry()]),
        index(&[entry(), entry_with("sha256", Some(&format!("\"{}\"", "0".repeat(64))))]),
        index(&[entry(), other.clone(), entry_with("kind", Some("\"installer\""))]),
        two(&release("go1.22.5", "true", &[entry()]), &release("go1.22.4", "true", &[entry()])),
    ] {
        assert_malformed(text);
    }
    for key in ["version", "stable", "files", "filename", "os", "arch", "sha256", "size", "kind"] {
        assert_malformed(doubled(&index(&[entry()]), key));
    }
    // However the second one is written, and also where nobody looks.
    assert_malformed(index(&[entry_with("\\u0073ha256", Some("\"\""))]));
    assert_malformed(index(&[entry_with("x", Some(r#"{"a":1,"a":1}"#))]));
    assert_malformed(index(&[entry_with("x", Some(r#"[[{"a":1,"b":2,"a":3}]]"#))]));
    for text in [
        two(EMPTY, &EMPTY.replace("1.20", "1.20.1")),
        index(&[entry(), other]),
        index(&[entry_with("SHA256", Some("\"\""))]),
        index(&[entry_with("x", Some(r#"[{"a":1},{"a":1}]"#))]),
    ] {
        assert!(parse(text).is_ok());
    }
}

#[test]
fn j04_digest_of_the_selected_file() {
    let texts = [
        String::new(),
        SHA256[1..].to_owned(),
        format!("{SHA256}0"),
        SHA256.to_uppercase(),
        SHA256.replacen('4', "g", 1),
        SHA256.replacen('e', "E", 1),
        format!(" {}", &SHA256[1..]),
        format!("0x{}", &SHA256[2..]),
        format!("{SHA256}{SHA256}"),
        SHA256.replacen('4', "٤", 1),
    ];
    let quoted = texts.iter().map(|text| format!("\"{text}\""));
    let values: Vec<_> = quoted.chain(["null", "0", "[]"].map(str::to_owned)).map(Some).chain([None]).collect();
    for value in &values {
        let bad = entry_with("sha256", value.as_deref());
        assert_eq!(select(&index(std::slice::from_ref(&bad))), Err(MALFORMED), "{value:?}");
        // Hundreds of old files have none, and are in nobody's way.
        let bad = bad.replace("amd64", "arm64");
        assert_eq!(select(&index(&[bad.clone(), entry()])), GOOD, "{value:?}");
        assert_eq!(select_for("linux/arm64", &index(&[bad, entry()])), Err(MALFORMED), "{value:?}");
    }
    let file = select_for("linux/amd64", &index(&[entry()])).unwrap();
    assert_eq!((hex::encode(file.sha256()), file.name().to_string()), (SHA256.to_owned(), NAME.to_owned()));
}

#[test]
fn j05_size_of_the_selected_file() {
    let select_size = |value: &str| select(&index(&[entry_with("size", Some(value))]));
    for value in [
        "0",
        "-0",
        "-1",
        "1.0",
        "1.5",
        "1e3",
        "1E+3",
        "0.0",
        "\"70553950\"",
        "null",
        "true",
        "[1]",
        "536870913",
        "4294967297",
        "9007199254740993",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775809",
        "100000000000000000000000000000000000000000",
    ] {
        assert_eq!(select_size(value), Err(MALFORMED), "{value}");
        let other = entry_with("size", Some(value)).replace("amd64", "arm64");
        assert_eq!(select(&index(&[other, entry()])), GOOD, "{value} of another file");
    }
    assert_eq!(select(&index(&[entry_with("size", None)])), Err(MALFORMED));
    // What no number can be, or none that JSON has, spoils the document.
    for value in ["1e999", "-1e999", "01", "+1", "0x10", "1.", ".5", "1e", "NaN", "Infinity", "1_000", "１"] {
        assert_malformed(index(&[entry_with("size", Some(value))]));
    }
    for size in [1, 2, 208 << 20, 512 << 20] {
        assert_eq!(select_size(&size.to_string()), Ok(size));
    }
}

#[test]
fn j06_release_without_what_a_release_has() {
    let good = format!("[{EMPTY}]");
    for document in ["[]", "{}", "null", "[1]", "[null]", "[[]]", EMPTY, &format!("{{\"releases\":{good}}}")] {
        assert_malformed(document);
    }
    for (from, to) in [
        (r#""stable":true,"#, ""),
        ("true", "\"true\""),
        ("true", "null"),
        ("true", "1"),
        (r#""version":"go1.20","#, ""),
        ("\"go1.20\"", "1.20"),
        ("\"go1.20\"", "null"),
        (r#","files":[]"#, ""),
        ("[]", "null"),
        ("[]", "{}"),
        ("[]", "[1]"),
    ] {
        assert_malformed(format!("[{}]", EMPTY.replace(from, to)));
    }
    for stable in [true, false] {
        let index = parse(format!("[{}]", release("go1.20", &stable.to_string(), &[]))).unwrap();
        assert_eq!(index.releases()[0].is_stable(), stable);
    }
}

#[test]
fn j07_document_that_is_too_much() {
    let limit = usize::try_from(INDEX_SIZE_LIMIT_BYTES).unwrap();
    let padded_to = |bytes: usize| format!("[{EMPTY}]{}", " ".repeat(bytes - EMPTY.len() - 2));
    assert!(parse(padded_to(limit)).is_ok());
    assert_malformed(padded_to(limit + 1));
    assert_malformed(padded_to(50 << 20));
    let nested = |open: &str, close: &str, depth: usize| {
        let value = format!("{}1{}", open.repeat(depth), close.repeat(depth));
        index(&[entry_with("x", Some(&value))])
    };
    // Four levels are the index's own.
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}"), (r#"[{"a":"#, "}]")] {
        let levels = open.matches(['[', '{']).count();
        assert!(parse(nested(open, close, 12 / levels)).is_ok());
        assert_malformed(nested(open, close, 12 / levels + 1));
        assert_malformed(nested(open, close, 100_000));
        assert_malformed(open.repeat(100_000));
    }
    // Releases with so many files each, of names that occur once.
    let counted = |releases: usize, files: usize| {
        let file = |r: usize, f: usize| format!("{{\"filename\":\"go1.19.{r}.x-a{f}.tar.gz\"}}");
        let files = |r: usize| (0..files).map(|f| file(r, f)).collect::<Vec<_>>();
        let releases: Vec<_> = (0..releases).map(|r| release(&format!("go1.19.{r}"), "true", &files(r))).collect();
        ReleaseIndex::parse(format!("[{}]", releases.join(",")).as_bytes())
    };
    for ((releases, files), (too_many_releases, too_many_files), reason) in [
        ((5_000, 1), (5_001, 1), "more than 5000 releases"),
        ((1, 1_000), (1, 1_001), "go1.19.0: more than 1000 files"),
        ((40, 1_000), (41, 1_000), "more than 40000 files"),
    ] {
        assert_eq!(counted(releases, files).unwrap().releases().len(), releases);
        let error = counted(too_many_releases, too_many_files).unwrap_err();
        assert_eq!(error, ReleaseError::Index(reason.to_owned()));
    }
    let million = format!("[{}]", vec!["{}"; 1_000_000].join(","));
    assert!(million.len() < limit);
    assert_malformed(million);
}

#[test]
fn j07_text_that_is_not_json() {
    let good = index(&[entry()]);
    let with = |value: &str| index(&[entry_with("x", Some(value))]);
    for text in [
        String::new(),
        " ".to_owned(),
        "<!DOCTYPE html><p>".to_owned(),
        format!("\u{feff}{good}"),
        format!("{good} x"),
        format!("{good}{good}"),
        format!("{good},"),
        format!("{good}]"),
        format!("{good}\0"),
        format!("// a comment\n{good}"),
        good[..good.len() - 1].to_owned(),
        good.replace(':', "="),
        good.replace('"', "'"),
        good.replace("true", "True"),
        good.replace("[{", "[,{"),
        good.replacen("}]", "},]", 1),
        good.replace("\"stable\"", "stable"),
        good.replacen("\"version\"", "7", 1),
    ] {
        assert_malformed(text);
    }
    for value in [
        "",
        "NaN",
        "-Infinity",
        "nul",
        "undefined",
        "\"a\tb\"",
        "\"a\nb\"",
        r#""\x41""#,
        r#""\u00""#,
        r#""\uD800""#,
        r#""\uDC00\uD800""#,
        r#""\uD800\u0041""#,
        "\"open",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "1 /* one */",
        "\u{a0}1",
    ] {
        assert_malformed(with(value));
    }
    for value in [r#""\uD83D\uDE00""#, r#""\u0000""#, "\"é\"", "-0", "1e-9", "0.1", "[]", "{}", "\t[ 1 , 2 ]\r\n"] {
        assert_eq!(select(&with(value)), GOOD, "{value}");
    }
    // In every place where there can be text, what is no UTF-8 is none: overlong, cut, a surrogate, past the end.
    for octets in [&b"\xff"[..], b"\xc0\xaf", b"\xe2\x82", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x80"] {
        let (before, behind) = good.split_once("amd64").unwrap();
        assert_malformed([before.as_bytes(), octets, behind.as_bytes()].concat());
    }
    let utf_16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_malformed(utf_16);
}

#[test]
fn j08_unknown_fields_and_kinds() {
    for value in ["1", "null", "\"x\"", r#"{"x":[1,{"y":null}]}"#, "[]"] {
        assert_eq!(select(&index(&[entry_with("unknown", Some(value))])), GOOD, "{value}");
        assert_eq!(select(&index(&[entry()]).replacen('{', &format!("{{\"unknown\":{value},"), 1)), GOOD, "{value}");
    }
    let other = |kind: &str| format!("{{\"filename\":\"go1.22.5.linux-amd64.{kind}\",\"kind\":\"{kind}\"}}");
    assert_eq!(select(&index(&[other("sbom"), other("msi"), entry()])), GOOD);
    assert_eq!(select(&index(&[other("sbom")])), Err(Code::PlatformNotFound));
}

#[test]
fn j08_odd_entries_are_of_no_concern() {
    let index = format!(
        r#"[{{"version":"go1","stable":true,"files":[{{"filename":"go1.4-bootstrap-20170531.tar.gz","os":"4"}}]}},
            {{"version":"go1.5","stable":true,"files":[{{"filename":"a"}},{{"filename":"b","sha256":""}},
            {{"filename":"go1.5.src.tar.gz","os":"","arch":"","kind":"source","version":"go1.5","size":1,
              "sha256":"{SHA256}"}}]}}]"#
    );
    let index = parse(index).unwrap();
    assert_eq!(index.releases().len(), 1);
    assert_eq!(index.releases()[0].file(&Target::Source).unwrap().size_bytes(), 1);
    let missing = index.releases()[0].file(&"linux/amd64".parse().unwrap());
    assert!(
        matches!(missing, Err(ReleaseError::PlatformNotFound { ref offered, .. }) if offered == &["src"]),
        "{missing:?}"
    );
}

fn of_versions(versions: &[&str]) -> ReleaseIndex {
    let stable = |version: &str| (!version.contains("rc") && !version.contains("beta")).to_string();
    let releases: Vec<_> = versions.iter().map(|version| release(version, &stable(version), &[])).collect();
    parse(format!("[{}]", releases.join(","))).unwrap()
}

fn chosen(index: &ReleaseIndex, text: &str) -> Result<String, ReleaseError> {
    index.select(&text.parse::<Selector>()?).map(|release| release.version().to_string())
}

#[test]
fn j09_unstable_release_is_never_the_latest() {
    for version in ["go1.23rc1", "go1.23beta1", "go1.9.2rc2"] {
        // An index that says so contradicts itself, whatever is wanted of it.
        assert_malformed(format!("[{EMPTY},{}]", release(version, "true", &[])));
        let index = parse(format!("[{},{EMPTY}]", release(version, "false", &[]))).unwrap();
        for word in ["stable", "latest"] {
            assert_eq!(chosen(&index, word), Ok("go1.20".to_owned()), "{version}");
        }
        assert_eq!(chosen(&index, version), Ok(version.to_owned()));
        let alone = parse(format!("[{}]", release(version, "false", &[]))).unwrap();
        assert_eq!(chosen(&alone, "latest").unwrap_err().code(), Code::ReleaseNotFound);
    }
    let index = parse(format!("[{},{EMPTY}]", release("go1.22.5", "false", &[]))).unwrap();
    assert_eq!(chosen(&index, "latest"), Ok("go1.20".to_owned()), "an index may withdraw a release");
}

#[test]
fn j09_releases_are_chosen_by_version_whatever_the_order() {
    let versions = ["go1.24rc1", "go1.23.10", "go1.23.9", "go1.22.1", "go1.23rc2", "go1.20", "go1.20.14", "go1.22.0"];
    for by in 0..versions.len() {
        let mut versions = versions;
        versions.rotate_left(by);
        let index = of_versions(&versions);
        for (text, expected) in [
            ("1.23.9", "go1.23.9"),
            ("go1.23.9", "go1.23.9"),
            ("1.23", "go1.23.10"),
            ("1.22", "go1.22.1"),
            ("1.20", "go1.20"),
            ("1.23rc2", "go1.23rc2"),
            ("stable", "go1.23.10"),
            ("latest", "go1.23.10"),
            ("oldstable", "go1.22.1"),
        ] {
            assert_eq!(chosen(&index, text), Ok(expected.to_owned()), "{text}");
        }
        for (text, nearest) in
            [("1.23.11", "go1.23.10"), ("1.24", "go1.24rc1"), ("1.99.0", "go1.23.10"), ("1.20.0", "go1.20.14")]
        {
            let Err(ReleaseError::ReleaseNotFound { nearest: Some(found), .. }) = chosen(&index, text) else {
                panic!("{text}")
            };
            assert_eq!(found.to_string(), nearest, "{text}");
        }
    }
    let ascending = "1.9beta2 1.9rc1 1.9 1.9.2rc2 1.9.2 1.9.7 1.10 1.20 1.20.1 1.21beta1 1.21rc2 1.21.0 1.21.1 1.21.10 \
                     1.22.0";
    let ascending: Vec<Version> = ascending.split(' ').map(|text| text.parse().unwrap()).collect();
    assert!(ascending.is_sorted_by(|one, other| one < other));
}

#[test]
fn a_message_names_few_of_many_platforms() {
    let message = |files: usize| {
        let files: Vec<_> = (0..files).map(|f| format!("{{\"filename\":\"go1.22.5.x-a{f}.tar.gz\"}}")).collect();
        let index = ReleaseIndex::parse(index(&files).as_bytes()).unwrap();
        let error = index.releases()[0].file(&"linux/amd64".parse().unwrap()).unwrap_err();
        assert!(matches!(&error, ReleaseError::PlatformNotFound { offered, .. } if offered.len() == files.len()));
        error.to_string()
    };
    let named = |files: usize| (0..files).map(|f| format!("x/a{f}")).collect::<Vec<_>>().join(", ");
    let start = "go1.22.5: no archive for linux/amd64; there are";
    assert_eq!(message(0), format!("{start} none"));
    assert_eq!(message(2), format!("{start} x/a0, x/a1"));
    assert_eq!(message(20), format!("{start} {}", named(20)));
    assert_eq!(message(21), format!("{start} {} and 1 more", named(20)));
    assert_eq!(message(1_000), format!("{start} {} and 980 more", named(20)));
}
