//! What a log may answer, and what of it counts.
//!
//! Every case differs in the smallest way from one that is accepted.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

#[path = "support/log.rs"]
mod log;

use std::sync::LazyLock;

use goverify::error::{Code, Coded};
use goverify::trust::{
    H1, LogAnswer, LogError, LogEvidence, LogKey, Lookup, LookupFault, MerkleFault, NoteFault, SignedTreeHead, Tile,
    TileFault, TileHeight, Tiles, TlogProof, TlogProofFault, ToolchainModule, TreeHeadFault, check_growth, judge,
    merkle,
};
use log::{TestKey, TestLog, filler, toolchain};
use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};

const VERSION: &str = "v0.0.1-go1.27.1.linux-amd64";
const TEXT: &str = "h1:MeqkXdYlyiVdqJXENOTyX7xd8QjDM/mxR52RKOFBS0M=";
const OTHER: &str = "h1:uvUPiZUFKn246/ZPbYpTzP8aUKAjcMH5rgIl9vsjoyQ=";
const AT: u64 = 23_333;

/// 70,001 records, with the one of go1.27.1 for linux/amd64 at [`AT`].
static LARGE: LazyLock<TestLog> = LazyLock::new(|| TestLog::with(70_001, &[(AT, &toolchain(VERSION, TEXT))]));

fn height(bits: u8) -> TileHeight {
    TileHeight::new(bits).unwrap()
}

fn module() -> ToolchainModule {
    ToolchainModule::new("go1.27.1".parse().unwrap(), &"linux/amd64".parse().unwrap())
}

fn h1(text: &str) -> H1 {
    text.parse().unwrap()
}

fn key_of(log: &TestLog) -> LogKey {
    log.key().text().parse().unwrap()
}

fn head(log: &TestLog, size: u64) -> SignedTreeHead {
    SignedTreeHead::open(log.head(size).as_bytes(), &key_of(log)).unwrap()
}

fn tiles(log: &TestLog, needed: &[Tile], bits: u8) -> Tiles {
    let mut tiles = Tiles::new(height(bits));
    for tile in needed {
        tiles.insert(*tile, &log.tile(&tile.path()).unwrap()).unwrap();
    }
    tiles
}

fn parse(log: &TestLog, answer: &str) -> Result<Lookup, LogError> {
    Lookup::parse(answer.as_bytes(), &module(), &key_of(log))
}

/// What becomes of an answer of `log`, with the tiles that it needs.
fn ask(log: &TestLog, answer: &str, bits: u8) -> Result<LogAnswer, LogError> {
    let lookup = parse(log, answer)?;
    lookup.prove(&tiles(log, &lookup.tiles_of_height(height(bits)), bits))
}

/// The log of `size` records with `record` at `at`, and what becomes of its answer for it.
fn ask_for(record: &str, at: u64, size: u64, bits: u8) -> Result<LogAnswer, LogError> {
    let log = TestLog::with(size, &[(at, record)]);
    ask(&log, &log.lookup(at, size), bits)
}

fn good() -> String {
    toolchain(VERSION, TEXT)
}

#[test]
fn the_answer_for_a_release_is_proven_and_judged_by_our_own_record() {
    for (at, size, bits) in [(0, 1, 8), (0, 15, 2), (14, 15, 2), (7, 1_000, 8), (256, 257, 8), (999, 1_024, 8)] {
        let answer = ask_for(&good(), at, size, bits).unwrap();
        assert_eq!((answer.h1(), answer.proof().index(), answer.proof().head().size()), (&h1(TEXT), at, size));
    }
    let answer = ask(&LARGE, &LARGE.lookup(AT, 70_000), 8).unwrap();
    let evidence = LogEvidence::Answer(answer.clone());
    let proof = judge(&evidence, &module().record(h1(TEXT))).unwrap();
    assert_eq!((proof.log(), proof.record_number(), proof.tree_size()), (TestLog::NAME, AT, 70_000));
    assert_eq!((proof.module(), proof.h1()), (&module(), &h1(TEXT)));
    assert_eq!(proof.root_base64(), LARGE.head(70_000).lines().nth(2).unwrap());

    // Another hash of ours is a mismatch; a record of another release is none of this one's business.
    let error = judge(&evidence, &module().record(h1(OTHER))).unwrap_err();
    assert_eq!(error, LogError::Mismatch { module: module(), expected: h1(TEXT), actual: h1(OTHER) });
    assert_eq!(error.code(), Code::TransparencyMismatch);
    let other = ToolchainModule::new("go1.27.0".parse().unwrap(), &"linux/amd64".parse().unwrap());
    assert_eq!(judge(&evidence, &other.record(h1(TEXT))), Err(LookupFault::OtherRecord.into()));

    // The proof alone is as good, for our record and for no other.
    let stored = TlogProof::parse(proof.tlog_proof().to_string().as_bytes(), &key_of(&LARGE)).unwrap();
    assert_eq!(&stored, answer.proof());
    let stored = LogEvidence::Stored(stored);
    assert_eq!(judge(&stored, &module().record(h1(TEXT))), Ok(proof));
    for record in [module().record(h1(OTHER)), other.record(h1(TEXT))] {
        let error = judge(&stored, &record).unwrap_err();
        assert_eq!(error, LogError::NotIncluded { index: AT, fault: MerkleFault::BadProof });
        assert_eq!(error.code(), Code::TransparencyBadProof);
    }
}

#[test]
fn l11_release_is_named_as_the_log_names_it() {
    for (version, platform, name) in [
        ("go1.27.1", "linux/amd64", "v0.0.1-go1.27.1.linux-amd64"),
        ("go1.23rc1", "linux/armv6l", "v0.0.1-go1.23rc1.linux-arm"),
        ("go1.21.0", "windows/386", "v0.0.1-go1.21.0.windows-386"),
    ] {
        let module = ToolchainModule::new(version.parse().unwrap(), &platform.parse().unwrap());
        assert_eq!(module.module_version(), name);
        assert_eq!(module.to_string(), format!("golang.org/toolchain@{name}"));
        assert_eq!(module.lookup_path(), format!("lookup/golang.org/toolchain@{name}"));
        assert_eq!(module.record(h1(TEXT)).text(), toolchain(name, TEXT));
    }
}

#[test]
fn l01_cve_2026_42501_a_proven_record_that_is_not_the_releases_is_no_answer() {
    let (line, go_mod) = good().split_once('\n').map(|(a, b)| (format!("{a}\n"), b.to_owned())).unwrap();
    let records = [
        filler(1),
        go_mod.clone(),
        line.clone(),
        format!("{go_mod}{line}"),
        format!("{line}{line}{go_mod}"),
        format!("{line}{}{go_mod}", line.replace(TEXT, OTHER)),
        format!("{}{}", good(), filler(1)),
        format!("{}{}", filler(1), good()),
        good().replace("golang.org/toolchain", "golang.org/toolchains"),
        good().replace("golang.org/toolchain ", "example.com/golang.org/toolchain "),
        good().replace("amd64", "arm64"),
        good().replace("1.27.1", "1.27.10"),
        good().replace(TEXT, ""),
        good().replace(TEXT, "h1:"),
        good().replace(" h1:", "  h1:"),
        good().replace("M=\n", "M= \n"),
        good().replace("S0=\n", "S1=\n"),
        good().replace("8wlg", "9wlg"),
        "record\n".to_owned(),
    ];
    for record in records {
        assert_eq!(ask_for(&record, 3, 15, 2), Err(LookupFault::OtherRecord.into()), "{record}");
        assert_eq!(ask_for(&record, 3, 1_000, 8), Err(LookupFault::OtherRecord.into()), "{record}");
    }
    assert!(ask_for(&good(), 3, 1_000, 8).is_ok());
    let log = TestLog::with(15, &[(3, &good())]);
    for empty in [String::new(), "\n".to_owned(), format!("3\n\n{}", log.head(15)), format!("3\n{}", log.head(15))] {
        assert_eq!(ask(&log, &empty, 2).unwrap_err().code(), Code::TransparencyBadProof, "{empty}");
    }
}

#[test]
fn l02_cve_2026_56864_lines_outside_the_proven_record_are_never_used() {
    let log = TestLog::with(15, &[(3, &filler(3)), (4, &good())]);
    let (record, head) = (log.record(3), log.head(15));
    for (answer, error) in [
        // Before or after the record, as a part of it: then it is not what was logged.
        (format!("3\n{}{record}\n{head}", good()), LogError::Tile(TileFault::Leaf(3))),
        (format!("3\n{record}{}\n{head}", good()), LogError::Tile(TileFault::Leaf(3))),
        (format!("3\n{}\n{head}", good()), LogError::Tile(TileFault::Leaf(3))),
        // Behind it, where the tree head is signed: then it is not what was signed.
        (format!("3\n{record}\n{}\n{head}", good()), LogError::Note(NoteFault::BadSignature)),
        (format!("3\n{record}\n{}{head}", good()), LogError::Note(NoteFault::BadSignature)),
        (format!("3\n{record}\n{head}{}", good()), LogError::Note(NoteFault::SignatureLine)),
        // In a tree head that the log did sign.
        (
            format!("3\n{record}\n{}", log.key().note(&format!("{}{}", log.head_text(15), good()))),
            LogError::Lookup(LookupFault::OtherRecord),
        ),
    ] {
        assert_eq!(ask(&log, &answer, 2), Err(error), "{answer}");
    }
    let extended = format!("4\n{}\n{}", good(), log.key().note(&format!("{}extension\n", log.head_text(15))));
    assert!(ask(&log, &extended, 2).is_ok());
}

/// Changes each byte of each tile in turn, at every `step`th position, and returns how many changes were tried.
fn change_every_byte(
    log: &TestLog,
    needed: &[Tile],
    bits: u8,
    judge: impl Fn(&Tiles) -> Result<(), LogError>,
) -> usize {
    let mut given = tiles(log, needed, bits);
    judge(&given).unwrap();
    let mut changes = 0;
    for tile in needed {
        let mut bytes = log.tile(&tile.path()).unwrap();
        for at in 0..bytes.len() {
            bytes[at] ^= 1 << (at % 8);
            given.insert(*tile, &bytes).unwrap();
            let error = judge(&given).unwrap_err();
            assert_eq!(error.code(), Code::TransparencyBadProof, "{tile}, byte {at}");
            bytes[at] ^= 1 << (at % 8);
            changes += 1;
        }
        given.insert(*tile, &bytes).unwrap();
    }
    judge(&given).unwrap();
    changes
}

#[test]
fn l03_cve_2026_56865_every_byte_of_every_tile_counts() {
    // Trees of 2^k records hide what is wrong at the right edge, so most of these are not.
    for (size, bits, at) in [
        (15, 2, &[0, 3, 7, 11, 12, 14][..]),
        (16, 2, &[0, 9, 15]),
        (70, 2, &[0, 31, 63, 64, 69]),
        (257, 4, &[0, 256]),
        (1_000, 4, &[767]),
        (1_000, 8, &[999]),
    ] {
        for &at in at {
            let log = TestLog::with(size, &[(at, &good())]);
            let lookup = parse(&log, &log.lookup(at, size)).unwrap();
            let needed = lookup.tiles_of_height(height(bits));
            let changes = change_every_byte(&log, &needed, bits, |tiles| lookup.prove(tiles).map(drop));
            assert_eq!(changes, needed.iter().map(Tile::size_bytes).sum::<usize>());
        }
    }
}

#[test]
fn l03_cve_2026_56865_every_hash_of_every_tile_of_a_large_log_counts() {
    for (at, size, count) in [(AT, 70_000, 641), (AT, 70_001, 642), (69_999, 70_000, 130), (AT, 65_536, 512)] {
        let log = if at == AT { LARGE.clone() } else { TestLog::with(size, &[(at, &good())]) };
        let lookup = parse(&log, &log.lookup(at, size)).unwrap();
        let needed = lookup.tiles();
        let mut given = tiles(&log, &needed, 8);
        assert!(lookup.prove(&given).is_ok());
        let mut changes = 0;
        for tile in &needed {
            let mut bytes = log.tile(&tile.path()).unwrap();
            for hash in 0..tile.width() {
                // Another byte of each hash, so that all positions have their turn.
                let at = 32 * hash + hash % 32;
                bytes[at] ^= 0x80;
                given.insert(*tile, &bytes).unwrap();
                assert_eq!(lookup.prove(&given).unwrap_err().code(), Code::TransparencyBadProof, "{tile} {at}");
                bytes[at] ^= 0x80;
                changes += 1;
            }
            given.insert(*tile, &bytes).unwrap();
        }
        assert_eq!(changes, count, "{at} of {size}");
    }
}

#[test]
fn l04_numbers_and_records_have_one_spelling() {
    let log = TestLog::with(15, &[(3, &good())]);
    let answer = log.lookup(3, 15);
    let rest = answer.strip_prefix("3\n").unwrap();
    for number in ["", "+3", "-3", "03", " 3", "3 ", "3\r", "0x3", "٣", "3.0", "99999999999999999999"] {
        let error = ask(&log, &format!("{number}\n{rest}"), 2).unwrap_err();
        assert_eq!(error, LookupFault::Number.into(), "{number:?}");
    }
    for index in [15, 16, 1 << 62, u64::MAX] {
        let fault = MerkleFault::Index { index, size: 15 };
        assert_eq!(ask(&log, &format!("{index}\n{rest}"), 2), Err(LogError::NotIncluded { index, fault }));
    }
    // A number that is another record's.
    assert_eq!(ask(&log, &format!("4\n{rest}"), 2), Err(TileFault::Leaf(4).into()));
    for record in ["a\rb\n", "a\tb\n", "a\u{0}b\n", "\u{1b}[2J\n", "a\u{7f}\n", "a\u{9b}\n"] {
        let log = TestLog::with(15, &[(3, record)]);
        assert_eq!(ask(&log, &log.lookup(3, 15), 2), Err(LookupFault::Record.into()), "{record:?}");
    }
    let invalid = [b"3\n\xff\n\n", log.head(15).as_bytes()].concat();
    assert_eq!(Lookup::parse(&invalid, &module(), &key_of(&log)).unwrap_err(), LookupFault::Record.into());
    // A blank line within a record ends it, and what follows is no tree head.
    let log = TestLog::with(15, &[(3, &good().replacen('\n', "\n\n", 1))]);
    assert_eq!(ask(&log, &log.lookup(3, 15), 2), Err(LogError::Note(NoteFault::BadSignature)));
    let record_bytes = (64 << 10) - "3\n\n\n".len() - log.head(15).len();
    for (more, fault) in [(0, LookupFault::OtherRecord), (1, LookupFault::TooLong), (2, LookupFault::TooLong)] {
        let long = TestLog::with(15, &[(3, &format!("{}\n", "x".repeat(record_bytes + more)))]);
        assert_eq!(ask(&long, &long.lookup(3, 15), 2), Err(fault.into()), "{more}");
    }
}

#[test]
fn l06_a_log_that_grows_is_consistent_and_one_that_forks_is_found_out() {
    for bits in [2, 8] {
        let (log, sizes) = (TestLog::with(1_100, &[]), [1, 2, 3, 15, 16, 255, 256, 257, 300, 512, 999, 1_000, 1_024]);
        let fork = log.fork(0);
        for old in sizes {
            for new in sizes.into_iter().filter(|new| *new > old).chain([1_100]) {
                // In both orders: the smaller head may be the later one to arrive.
                for (one, other) in [(old, new), (new, old)] {
                    let growth = check_growth(&head(&log, one), &head(&log, other)).unwrap();
                    assert_eq!(growth.tiles(), growth.tiles_of_height(height(8)));
                    let tiles = tiles(&log, &growth.tiles_of_height(height(bits)), bits);
                    assert_eq!(growth.prove(&tiles).unwrap().latest(), &head(&log, new), "{old} {new}");
                }
                // The larger tree is another history, or the smaller one was.
                let (smaller, larger) = (head(&log, old), head(&fork, new));
                let growth = check_growth(&smaller, &larger).unwrap();
                let needed = growth.tiles_of_height(height(bits));
                let (smaller, larger) = (Box::new(smaller), Box::new(larger));
                let forked = LogError::Fork { smaller, larger };
                assert_eq!(growth.prove(&tiles(&fork, &needed, bits)), Err(forked.clone()), "{old} {new}");
                assert_eq!(forked.code(), Code::TransparencyFork);
                // Tiles of the first history do not lead to the second one's root: no verdict about the log.
                let error = growth.prove(&tiles(&log, &needed, bits)).unwrap_err();
                assert_eq!(error, LogError::Inconsistent(MerkleFault::BadProof), "{old} {new}");
                assert_eq!(error.code(), Code::TransparencyBadProof);
            }
        }
    }
}

#[test]
fn l06_equal_sizes_need_equal_roots_and_nothing_else() {
    let log = TestLog::with(15, &[]);
    let (one, other) = (head(&log, 15), head(&log.fork(14), 15));
    let forked = LogError::Fork { smaller: Box::new(one.clone()), larger: Box::new(other.clone()) };
    assert_eq!(check_growth(&one, &other).unwrap_err(), forked);
    // The histories are the same up to where they fork.
    let before = head(&log.fork(14), 14);
    let growth = check_growth(&before, &one).unwrap();
    assert!(growth.prove(&tiles(&log, &growth.tiles_of_height(height(2)), 2)).is_ok());

    let witnessed = log.head(15) + &TestKey::new("witness", 9).line(&log.head_text(15));
    let witnessed = SignedTreeHead::open(witnessed.as_bytes(), &key_of(&log)).unwrap();
    for (one, other) in [(&one, &one), (&one, &witnessed), (&head(&log, 0), &one), (&one, &head(&log, 0))] {
        let growth = check_growth(one, other).unwrap();
        assert_eq!(growth.tiles(), []);
        assert_eq!(growth.prove(&Tiles::default()).unwrap().latest().size(), 15);
    }
    let stranger = TestKey::new("stranger", 9);
    let theirs = SignedTreeHead::open(stranger.note(&log.head_text(15)).as_bytes(), &stranger.text().parse().unwrap());
    let error = check_growth(&one, &theirs.unwrap()).unwrap_err();
    assert_eq!(error, LogError::OtherLog { expected: TestLog::NAME.to_owned(), actual: "stranger".to_owned() });
}

#[test]
fn l06_every_byte_of_every_tile_of_a_growth_counts() {
    for (old, new, bits) in
        [(1, 15, 2), (7, 15, 2), (8, 15, 2), (11, 70, 2), (64, 70, 2), (5, 64, 2), (300, 1_000, 4), (999, 1_000, 8)]
    {
        let log = TestLog::with(new, &[]);
        let growth = check_growth(&head(&log, old), &head(&log, new)).unwrap();
        let needed = growth.tiles_of_height(height(bits));
        let changes = change_every_byte(&log, &needed, bits, |tiles| growth.prove(tiles).map(drop));
        assert_eq!(changes, needed.iter().map(Tile::size_bytes).sum::<usize>());
    }
}

#[test]
fn l08_a_full_tile_replaces_a_partial_one_and_other_lengths_do_not() {
    let lookup = parse(&LARGE, &LARGE.lookup(AT, 40_000)).unwrap();
    let needed = lookup.tiles();
    let paths: Vec<String> = needed.iter().map(Tile::path).collect();
    assert_eq!(paths, ["tile/8/0/091", "tile/8/0/156.p/64", "tile/8/1/000.p/156"]);
    let (partial, width) = (needed[1], needed[1].width());
    assert_eq!((partial.full().path().as_str(), width, partial.is_partial()), ("tile/8/0/156", 64, true));
    let bytes = LARGE.tile(&partial.full().path()).unwrap();
    let mut given = tiles(&LARGE, &needed, 8);
    given.insert(partial, &bytes).unwrap();
    assert!(lookup.prove(&given).is_ok());
    for length in [0, 1, 32 * 63, 32 * 64 - 1, 32 * 64 + 1, 32 * 65, 32 * 255, 32 * 256 - 1] {
        let fault = TileFault::Length { tile: partial, expected: 32 * 64, actual: length };
        assert_eq!(given.insert(partial, &bytes[..length]), Err(fault.clone()));
        assert_eq!(LogError::from(fault).code(), Code::TransparencyBadProof);
    }
    for without in &needed {
        let others: Vec<Tile> = needed.iter().copied().filter(|tile| tile != without).collect();
        let error = lookup.prove(&tiles(&LARGE, &others, 8)).unwrap_err();
        assert_eq!(error, TileFault::Missing(*without).into());
    }
}

#[test]
fn l08_tile_paths_are_numbers_in_threes() {
    // The tree head is made up, since no test has this many records.
    let log = TestLog::with(1, &[(0, &good())]);
    let head = |size: u64| log.key().note(&format!("go.sum database tree\n{size}\n{TEXT}\n").replace("h1:", ""));
    let paths = |at: u64, size: u64| -> Vec<String> {
        let lookup = parse(&log, &format!("{at}\n{}\n{}", good(), head(size))).unwrap();
        lookup.tiles().iter().map(Tile::path).collect()
    };
    assert_eq!(paths(0, 1), ["tile/8/0/000.p/1"]);
    assert_eq!(paths(0, 256), ["tile/8/0/000"]);
    assert_eq!(paths(256, 257), ["tile/8/0/001.p/1", "tile/8/1/000.p/1"]);
    assert_eq!(paths(1_234_067 * 256, 1_234_068 * 256)[0], "tile/8/0/x001/x234/067");
    assert_eq!(paths(999 * 256, 1_001 * 256), ["tile/8/0/999", "tile/8/1/003.p/233", "tile/8/2/000.p/3"]);
    let largest = (1 << 62) - 1;
    assert_eq!(paths(largest - 1, largest)[0], "tile/8/0/x018/x014/x398/x509/x481/983.p/255");
    assert_eq!(paths(largest - 1, largest).len(), 8);
}

#[test]
fn l13_tree_sizes_at_the_edges() {
    let log = TestLog::with(16, &[(0, &good())]);
    assert_eq!(ask(&log, &log.lookup(0, 1), 2).unwrap().proof().to_string(), log.tlog_proof(0, 1));
    let fault = MerkleFault::Index { index: 0, size: 0 };
    assert_eq!(ask(&log, &log.lookup(0, 0), 2), Err(LogError::NotIncluded { index: 0, fault }));
    for size in ["4611686018427387904", "18446744073709551616", "-1", "+1", "01", "1 ", ""] {
        let note = log.key().note(&log.head_text(1).replace("\n1\n", &format!("\n{size}\n")));
        let answer = format!("0\n{}\n{note}", good());
        let code = ask(&log, &answer, 2).unwrap_err().code();
        assert_eq!(code, Code::TransparencyBadProof, "{size}");
        if !size.is_empty() {
            assert_eq!(ask(&log, &answer, 2), Err(TreeHeadFault::Size.into()), "{size}");
        }
    }
}

#[test]
fn a_tlog_proof_is_read_as_c2sp_writes_it() {
    let key = key_of(&LARGE);
    let record = good();
    for size in [AT + 1, 32_768, 65_536, 70_000, 70_001] {
        let text = LARGE.tlog_proof(AT, size);
        let proof = TlogProof::parse(text.as_bytes(), &key).unwrap();
        assert_eq!(proof.to_string(), text);
        assert_eq!(proof.verify(record.as_bytes()), Ok(()));
        assert!(proof.verify(&record.as_bytes()[1..]).is_err());
        let extra = text.replacen("index", "extra YWJj\nindex", 1);
        let with_extra = TlogProof::parse(extra.as_bytes(), &key).unwrap();
        assert_eq!(with_extra, proof);
        assert_eq!(with_extra.to_string(), text);
    }
}

#[test]
fn l13_a_tlog_proof_that_is_not_one_is_refused() {
    let key = key_of(&LARGE);
    let text = LARGE.tlog_proof(AT, 70_000);
    let hash = text.lines().nth(2).unwrap().to_owned() + "\n";
    let at = |fault: MerkleFault| LogError::NotIncluded { index: AT, fault };
    let length = |actual| at(MerkleFault::Length { expected: 17, actual });
    let short = text.strip_suffix(&LARGE.head(70_000)).unwrap();
    let filled_to = |bytes: usize| {
        let extended = |by: usize| LARGE.key().note(&format!("{}{}\n", LARGE.head_text(70_000), "x".repeat(by)));
        let text = format!("{short}{}", extended(bytes - short.len() - extended(0).len()));
        assert_eq!(text.len(), bytes);
        TlogProof::parse(text.as_bytes(), &key).map(drop)
    };
    assert_eq!((filled_to(16 << 10), filled_to((16 << 10) + 1)), (Ok(()), Err(TlogProofFault::TooLong.into())));
    let index = |index| LogError::NotIncluded { index, fault: MerkleFault::Index { index, size: 70_000 } };
    let bad_proof = LogError::NotIncluded { index: AT + 1, fault: MerkleFault::BadProof };
    for (text, error) in [
        (String::new(), TlogProofFault::Begin.into()),
        (format!("\n{text}"), TlogProofFault::Begin.into()),
        (text.replace("@v1", "@v2"), TlogProofFault::Begin.into()),
        (text.replace('\n', "\r\n"), TlogProofFault::Begin.into()),
        (text.replacen("index", "extra \nindex", 1), TlogProofFault::Extra.into()),
        (text.replacen("index", "extra YWI\nindex", 1), TlogProofFault::Extra.into()),
        (text.replacen("index", "extra YWJj\nextra YWJj\nindex", 1), TlogProofFault::Index.into()),
        (text.replacen("index", "other YWJj\nindex", 1), TlogProofFault::Index.into()),
        (text.replacen("index 23333\n", "", 1), TlogProofFault::Index.into()),
        (text.replacen("index ", "index  ", 1), TlogProofFault::Index.into()),
        (text.replacen("index 2", "index 02", 1), TlogProofFault::Index.into()),
        (text.replacen("index 2", "index +2", 1), TlogProofFault::Index.into()),
        (text.replacen("index 2", "index -2", 1), TlogProofFault::Index.into()),
        (text.replacen("=\n", "\n", 1), TlogProofFault::Hash.into()),
        (text.replacen("=\n", "= \n", 1), TlogProofFault::Hash.into()),
        (text.replacen(&hash, "YWJj\n", 1), TlogProofFault::Hash.into()),
        (text.replacen(&hash, &hash.repeat(48), 1), TlogProofFault::TooMany.into()),
        (text.replacen(&hash, &hash.repeat(47), 1), length(63)),
        (text.replacen(&hash, &hash.repeat(2), 1), length(18)),
        (text.replacen(&hash, "", 1), length(16)),
        (text.replacen(&hash, "\n", 1), NoteFault::BadSignature.into()),
        (text.split_once("\n\n").unwrap().0.to_owned(), TlogProofFault::End.into()),
        (text.replacen("23333", "23334", 1), bad_proof),
        (text.replacen("23333", "70000", 1), index(70_000)),
        (text.replacen("23333", "18446744073709551615", 1), index(u64::MAX)),
        (text.replacen("\n70000\n", "\n70001\n", 1), NoteFault::BadSignature.into()),
        (format!("{text}\n"), NoteFault::Unsigned.into()),
        (text.trim_end().to_owned(), NoteFault::SignatureLine.into()),
        (text.replace("— log", "- log"), NoteFault::SignatureLine.into()),
        (format!("{text}{}", "x".repeat(16 << 10)), TlogProofFault::TooLong.into()),
    ] {
        let judged = TlogProof::parse(text.as_bytes(), &key).and_then(|proof| proof.verify(good().as_bytes()));
        assert_eq!(judged, Err(error), "{text}");
    }
}

#[test]
fn every_character_of_a_tlog_proof_counts() {
    let key = key_of(&LARGE);
    let text = LARGE.tlog_proof(AT, 70_000).into_bytes();
    for at in 0..text.len() {
        let mut changed = text.clone();
        changed[at] ^= 1;
        let judged = TlogProof::parse(&changed, &key).and_then(|proof| proof.verify(good().as_bytes()));
        assert_eq!(judged.unwrap_err().code(), Code::TransparencyBadProof, "byte {at}");
        assert!(TlogProof::parse(&text[..at], &key).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn paths_out_of_tiles_are_those_of_rfc_6962(size in 1_u64..70_001, at in 0_u64..70_000, bits in 1_u8..=8) {
        let at = at % size;
        let lookup = Lookup::parse(LARGE.lookup(at, size).as_bytes(), &module(), &key_of(&LARGE)).unwrap();
        let tiles = tiles(&LARGE, &lookup.tiles_of_height(height(bits)), bits);
        let path = LARGE.path(at, size);
        let root = merkle::root_from_path(at, size, &merkle::leaf_hash(LARGE.record(at).as_bytes()), &path);
        prop_assert_eq!(root, Ok(LARGE.root_of(0, size)));
        if at == AT {
            prop_assert!(lookup.prove(&tiles).is_ok());
        } else {
            prop_assert_eq!(lookup.prove(&tiles), Err(LookupFault::OtherRecord.into()));
        }
    }

    #[test]
    fn proofs_out_of_tiles_are_those_of_rfc_6962(size in AT + 1..70_001, bits in 1_u8..=8) {
        let answer = ask(&LARGE, &LARGE.lookup(AT, size), bits).unwrap();
        prop_assert_eq!(answer.proof().to_string(), LARGE.tlog_proof(AT, size));
    }

    #[test]
    fn growth_is_what_rfc_6962_says(old in 1_u64..70_001, new in 1_u64..70_001, bits in 1_u8..=8) {
        let (old, new) = (old.min(new), old.max(new));
        let growth = check_growth(&head(&LARGE, old), &head(&LARGE, new)).unwrap();
        prop_assert!(growth.prove(&tiles(&LARGE, &growth.tiles_of_height(height(bits)), bits)).is_ok());
        let (old_root, new_root) = (LARGE.root_of(0, old), LARGE.root_of(0, new));
        let proof = LARGE.consistency(old, new);
        prop_assert_eq!(merkle::check_consistency((old, &old_root), (new, &new_root), &proof), Ok(()));
        let other = merkle::leaf_hash(b"other");
        let fault = merkle::check_consistency((old, &other), (new, &new_root), &proof);
        let seeded = old.is_power_of_two() || old == new;
        prop_assert_eq!(fault, Err(if seeded { MerkleFault::BadProof } else { MerkleFault::Fork }));
        let fault = merkle::check_consistency((old, &old_root), (new, &other), &proof);
        prop_assert_eq!(fault, Err(MerkleFault::BadProof));
    }
}

#[test]
fn a_folder_of_the_logs_files_holds_what_a_lookup_needs() {
    let folder = tempfile::tempdir().unwrap();
    LARGE.write(folder.path(), 70_001);
    let read = |path: &str| std::fs::read(folder.path().join(path)).unwrap();
    let lookup = Lookup::parse(&read(&module().lookup_path()), &module(), &key_of(&LARGE)).unwrap();
    let mut given = Tiles::default();
    lookup.tiles().iter().for_each(|tile| given.insert(*tile, &read(&tile.path())).unwrap());
    assert_eq!(lookup.prove(&given).unwrap().h1(), &h1(TEXT));
    assert_eq!(read("latest"), LARGE.head(70_001).into_bytes());
}
