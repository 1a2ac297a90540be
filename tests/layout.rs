//! What makes an archive the SDK of one version and platform: each rule of the layout broken, and its neighbour kept.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::HashSet;
use std::mem::discriminant;

use goverify::archive::{ArchiveError, Discard, EntryFault, HeaderFault, LayoutFault, Manifest, TarFault, receive};
use goverify::error::{Code, Coded};
use goverify::events::Watch;
use goverify::release::{ArchiveName, Platform, Version};
use goverify::trust::{
    Authenticator, CheckKind, CheckStatus, DigestSource, Expectation, ExpectedDigest, TrustError, verify,
};
use sha2::{Digest, Sha256};
use support::NO_LOG;
use support::sdk::{Sdk, program};
use support::tar_entry::{TarEntry, gzip, tar};

/// How many kinds of fault there are, so that a new one gets a row.
const FAULT_KINDS: usize = 8;
const VERSION: &str = "go1.22.5";
const TIMED: &str = "go1.22.5\ntime 2024-06-27T20:11:12Z\n";

/// Judges `archive` under `name` with its own digest, so that nothing but its contents can be wrong.
fn judge_bytes(archive: &[u8], name: &ArchiveName) -> Result<Manifest, ArchiveError> {
    let received = receive(&mut &archive[..], name, &[], Discard, &Watch::silent()).unwrap();
    let sha256 = Sha256::digest(archive).into();
    let digests = vec![ExpectedDigest { sha256, source: DigestSource::User }];
    let verdict = verify(received, &Expectation { digests, size_bytes: None }, Authenticator::DigestOnly, &NO_LOG);
    let layout = verdict.checks.iter().find(|check| check.kind == CheckKind::Layout).unwrap().status;
    assert_eq!(layout == CheckStatus::Passed, verdict.outcome.is_ok(), "{name}");
    match verdict.outcome {
        Ok(verified) => Ok(verified.manifest().clone()),
        Err(TrustError::Archive(error)) => Err(error),
        Err(other) => panic!("{name}: {other}"),
    }
}

fn judge_as(sdk: &Sdk, name: &str) -> Result<Manifest, ArchiveError> {
    judge_bytes(&sdk.archive(), &name.parse().unwrap())
}

fn judge(sdk: &Sdk) -> Result<Manifest, ArchiveError> {
    judge_bytes(&sdk.archive(), sdk.name())
}

fn fault(result: Result<Manifest, ArchiveError>) -> LayoutFault {
    match result {
        Err(error @ ArchiveError::Layout(_)) => {
            assert_eq!(error.code(), Code::LayoutInvalid);
            let ArchiveError::Layout(fault) = error else { unreachable!() };
            fault
        }
        other => panic!("{other:?}"),
    }
}

fn sdk() -> Sdk {
    Sdk::linux_amd64(VERSION)
}

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

fn platform(text: &str) -> Platform {
    text.parse().unwrap()
}

fn missing(path: &str) -> LayoutFault {
    LayoutFault::Missing(path.to_owned())
}

fn unexpected(path: &str) -> LayoutFault {
    LayoutFault::Unexpected(path.to_owned())
}

/// `sdk` without any file below `directory`.
fn without_all(sdk: Sdk, directory: &str) -> Sdk {
    let paths: Vec<_> = sdk.files().keys().filter(|path| path.starts_with(directory)).cloned().collect();
    assert!(!paths.is_empty(), "{directory}");
    paths.iter().fold(sdk, |sdk, path| sdk.without(path))
}

/// `sdk` with `path` in another mode.
fn with_mode(sdk: Sdk, path: &str, mode: u32) -> Sdk {
    let content = sdk.files().get(path).unwrap().0.clone();
    sdk.with_file(path, content, mode)
}

#[test]
fn what_an_sdk_lacks_is_named() {
    assert!(judge(&sdk()).is_ok());
    for path in ["VERSION", "go.env", "bin/go", "bin/gofmt", "pkg/tool/linux_amd64/asm", "pkg/tool/linux_amd64/link"] {
        assert_eq!(fault(judge(&sdk().without(path))), missing(path));
    }
    for directory in ["pkg/include", "src"] {
        let without = without_all(sdk(), directory);
        assert_eq!(fault(judge(&without)), missing(directory));
        // Directories are not enough, a file of any name is.
        let directories = ["", "deeper/"].map(|below| TarEntry::directory(format!("go/{directory}/{below}")));
        assert_eq!(fault(judge(&without.clone().with_entries(directories))), missing(directory));
        assert!(judge(&without.with_file(&format!("{directory}/x"), "", 0o644)).is_ok());
    }
    for path in ["VERSION", "bin/go", "pkg/tool/linux_amd64/compile"] {
        let directory = TarEntry::directory(format!("go/{path}/"));
        assert_eq!(fault(judge(&sdk().without(path).with_entries([directory]))), missing(path), "as a directory");
    }
    assert!(judge(&sdk().without("LICENSE").without("api/README")).is_ok(), "no full list of files is kept");
}

#[test]
fn programs_are_executable_and_for_the_platform() {
    for path in ["bin/go", "bin/gofmt", "pkg/tool/linux_amd64/asm", "pkg/tool/linux_amd64/compile"] {
        assert_eq!(fault(judge(&with_mode(sdk(), path, 0o644))), LayoutFault::NotExecutable(path.to_owned()));
    }
    assert!(judge(&with_mode(sdk(), "LICENSE", 0o755)).is_ok());
    let expected = platform("linux/amd64");
    for path in ["bin/go", "bin/gofmt"] {
        for other in ["linux/arm64", "linux/386", "darwin/amd64"] {
            let foreign = sdk().with_file(path, program(&platform(other), ""), 0o755);
            let fault = fault(judge(&foreign));
            assert_eq!(fault, LayoutFault::Platform { path: path.to_owned(), expected: expected.clone() }, "{other}");
        }
        for content in [&b""[..], b"\x7fELF", b"#!/bin/sh\nexit 0\n"] {
            let fault = fault(judge(&sdk().with_file(path, content, 0o755)));
            assert_eq!(fault, LayoutFault::Platform { path: path.to_owned(), expected: expected.clone() });
        }
    }
    // Nothing but the part of the header that names the platform counts.
    assert!(judge(&sdk().with_file("bin/go", program(&expected, "something else"), 0o755)).is_ok());
}

#[test]
fn programs_of_windows_have_its_suffix_and_its_header() {
    let windows = || Sdk::windows_amd64(VERSION);
    assert!(judge(&windows()).is_ok());
    let tool = |name: &str| format!("pkg/tool/windows_amd64/{name}");
    for path in ["bin/go.exe", "bin/gofmt.exe", &tool("asm.exe"), &tool("compile.exe"), &tool("link.exe")] {
        assert_eq!(fault(judge(&windows().without(path))), missing(path));
        let content = windows().files().get(path).unwrap().0.clone();
        let unsuffixed = windows().without(path).with_file(path.strip_suffix(".exe").unwrap(), content, 0o755);
        assert_eq!(fault(judge(&unsuffixed)), missing(path));
    }
    let expected = platform("windows/amd64");
    for path in ["bin/go.exe", "bin/gofmt.exe"] {
        for other in ["windows/386", "windows/arm64", "linux/amd64"] {
            let foreign = windows().with_file(path, program(&platform(other), ""), 0o755);
            let fault = fault(judge(&foreign));
            assert_eq!(fault, LayoutFault::Platform { path: path.to_owned(), expected: expected.clone() }, "{other}");
        }
    }
    for (held, claimed) in [("amd64", "386"), ("arm64", "amd64"), ("386", "arm64")] {
        let held = Sdk::new(VERSION, &format!("windows/{held}"));
        assert!(judge(&held).is_ok());
        fault(judge_as(&held, &format!("{VERSION}.windows-{claimed}.zip")));
    }
    fault(judge_as(&windows(), "go1.22.6.windows-amd64.zip"));
    assert_eq!(fault(judge(&windows().with_file("src/.goverify", "", 0o644))), unexpected("src/.goverify"));
}

#[test]
fn a_program_with_a_suffix_does_not_speak_for_one_without() {
    for (sdk, path, beside) in [(sdk(), "bin/go", "bin/go.exe"), (Sdk::windows_amd64(VERSION), "bin/go.exe", "bin/go")]
    {
        let content = sdk.files().get(path).unwrap().0.clone();
        assert!(judge(&sdk.clone().with_file(beside, "nothing", 0o755)).is_ok());
        let spoofed = sdk.with_file(path, "nothing", 0o755).with_file(beside, content, 0o755);
        assert!(matches!(fault(judge(&spoofed)), LayoutFault::Platform { .. }));
    }
}

#[test]
fn tools_of_another_platform_do_not_belong_there() {
    for (path, named) in [
        ("pkg/tool/linux_arm64/asm", "pkg/tool/linux_arm64"),
        ("pkg/tool/linux_amd64_race/asm", "pkg/tool/linux_amd64_race"),
        ("pkg/tool/asm", "pkg/tool/asm"),
    ] {
        assert_eq!(fault(judge(&sdk().with_file(path, "", 0o755))), unexpected(named));
    }
    let empty = sdk().with_entries([TarEntry::directory("go/pkg/tool/windows_amd64/")]);
    assert_eq!(fault(judge(&empty)), unexpected("pkg/tool/windows_amd64"));
    for path in ["pkg/tool/linux_amd64/fix", "pkg/tool/linux_amd64/sub/tool", "pkg/linux_arm64/fmt.a", "pkg/tools/x"] {
        assert!(judge(&sdk().with_file(path, "", 0o755)).is_ok(), "{path}");
    }
}

#[test]
fn one_archive_is_no_other_version_and_no_other_platform() {
    let archives = [
        Sdk::linux_amd64(VERSION),
        Sdk::new(VERSION, "linux/arm64"),
        Sdk::new(VERSION, "freebsd/amd64"),
        Sdk::darwin_arm64(VERSION),
        Sdk::source(VERSION),
        Sdk::linux_amd64("go1.22.6"),
        Sdk::linux_amd64("go1.22rc1"),
        Sdk::linux_amd64("go1.21.0"),
        Sdk::source("go1.20"),
    ];
    for held in &archives {
        for claimed in &archives {
            let result = judge_as(held, &claimed.name().to_string());
            let (own, held, claimed) = (held.name() == claimed.name(), held.name(), claimed.name());
            assert_eq!(result.is_ok(), own, "{held} as {claimed}: {result:?}");
            if !own {
                fault(result);
            }
        }
    }
}

#[test]
fn arm_is_published_as_armv6l_and_nothing_inside_is() {
    let arm = Sdk::new(VERSION, "linux/arm");
    assert_eq!(arm.name().to_string(), "go1.22.5.linux-armv6l.tar.gz");
    assert!(arm.files().contains_key("pkg/tool/linux_arm/asm"));
    assert!(judge(&arm).is_ok());
    let renamed = ["asm", "compile", "link"].iter().fold(without_all(arm, "pkg/tool/"), |sdk, tool| {
        sdk.with_file(&format!("pkg/tool/linux_armv6l/{tool}"), "", 0o755)
    });
    assert_eq!(fault(judge(&renamed)), unexpected("pkg/tool/linux_armv6l"));
}

#[test]
fn version_says_the_very_release() {
    for actual in [
        "go1.22.6\ntime 2024-06-27T20:11:12Z\n",
        "go1.22.50\ntime 2024-06-27T20:11:12Z\n",
        "go1.22.5rc1\ntime 2024-06-27T20:11:12Z\n",
        "go1.22.5 \ntime 2024-06-27T20:11:12Z\n",
        "go1.22.5\r\ntime 2024-06-27T20:11:12Z\r\n",
        "\ngo1.22.5\ntime 2024-06-27T20:11:12Z\n",
        "\u{feff}go1.22.5\ntime 2024-06-27T20:11:12Z\n",
        "1.22.5\ntime 2024-06-27T20:11:12Z\n",
        "devel go1.23-0a1b2c3\n",
        "",
    ] {
        let fault = fault(judge(&sdk().with_file("VERSION", actual, 0o644)));
        let actual = actual.split('\n').next().unwrap().to_owned();
        assert_eq!(fault, LayoutFault::Version { expected: version(VERSION), actual });
    }
    // The name counts as a path of GOROOT, not as a base name.
    assert!(judge(&sdk().with_file("src/VERSION", "go1.0", 0o644)).is_ok());
}

#[test]
fn version_says_the_time_from_go1_21_on() {
    assert!(judge(&sdk().with_file("VERSION", TIMED, 0o644)).is_ok());
    assert!(judge(&sdk().with_file("VERSION", TIMED.trim_end(), 0o644)).is_ok());
    for content in [
        "go1.22.5",
        "go1.22.5\n",
        "go1.22.5\n\n",
        "go1.22.5\n\ntime 2024-06-27T20:11:12Z\n",
        "go1.22.5\ntime\n",
        "go1.22.5\ntime yesterday\n",
        "go1.22.5\ntime 2024-06-27\n",
        "go1.22.5\nTIME 2024-06-27T20:11:12Z\n",
        "go1.22.5\ntime 2024-06-27T20:11:12Z\ntime 2025-06-27T20:11:12Z\n",
        "go1.22.5\ntime 2024-06-27T20:11:12Z\nmore\n",
    ] {
        assert_eq!(fault(judge(&sdk().with_file("VERSION", content, 0o644))), LayoutFault::Time, "{content:?}");
    }
    // The first series with a time and go.env, its pre-releases, and the last series without.
    for (name, untimed, without_go_env) in [
        ("go1.20", Ok(()), Ok(())),
        ("go1.20.14", Ok(()), Ok(())),
        ("go1.21rc2", Ok(()), Ok(())),
        ("go1.21.0", Err(LayoutFault::Time), Err(missing("go.env"))),
        ("go1.22rc1", Err(LayoutFault::Time), Err(missing("go.env"))),
    ] {
        for target in ["linux/amd64", "src"] {
            let whole = Sdk::new(name, target).with_file("go.env", "", 0o644);
            let accepted = |sdk: &Sdk| judge(sdk).map(|_| ()).map_err(|error| fault(Err(error)));
            assert_eq!(accepted(&whole), Ok(()), "{name} {target}");
            assert_eq!(accepted(&whole.clone().with_file("VERSION", name, 0o644)), untimed, "{name} {target}");
            assert_eq!(accepted(&whole.without("go.env")), without_go_env, "{name} {target}");
        }
    }
}

#[test]
fn version_has_a_longest_length() {
    let of_length =
        |length: usize| sdk().with_file("VERSION", TIMED.to_owned() + &"\n".repeat(length - TIMED.len()), 0o644);
    assert!(judge(&of_length(4096)).is_ok());
    assert_eq!(fault(judge(&of_length(4097))), LayoutFault::VersionTooLong);
    assert_eq!(fault(judge(&of_length(2 << 20))), LayoutFault::VersionTooLong);
}

#[test]
fn a_source_archive_has_nothing_built() {
    let source = || Sdk::source(VERSION);
    assert!(judge(&source()).is_ok());
    assert_eq!(fault(judge(&source().without("src/make.bash"))), missing("src/make.bash"));
    for path in ["bin/go", "pkg/include/textflag.h"] {
        let top = path.split('/').next().unwrap();
        assert_eq!(fault(judge(&source().with_file(path, "", 0o644))), unexpected(top));
    }
    assert_eq!(fault(judge(&source().with_entries([TarEntry::directory("go/bin/")]))), unexpected("bin"));
    assert!(judge(&source().with_file("src/bin/x", "", 0o644).with_file("binary", "", 0o644)).is_ok());
}

#[test]
fn names_that_are_ours_do_not_belong_there() {
    for base in [sdk(), Sdk::source(VERSION)] {
        for path in [".goverify.json", ".goverify-x", ".goverify", "src/.goverify.lock", ".GoVerify.JSON"] {
            assert_eq!(fault(judge(&base.clone().with_file(path, "", 0o644))), unexpected(path));
        }
        let directory = base.clone().with_entries([TarEntry::directory("go/src/.goverify-staging/")]);
        assert_eq!(fault(judge(&directory)), unexpected("src/.goverify-staging"));
        for path in ["goverify.json", "src/x.goverify", "src/.go/verify", "src/_.goverify"] {
            assert!(judge(&base.clone().with_file(path, "", 0o644)).is_ok(), "{path}");
        }
    }
}

#[test]
fn the_rules_begin_with_go1_5() {
    assert!(judge(&Sdk::linux_amd64("go1.5")).is_ok());
    for old in ["go1.4", "go1.4.3", "go1.2.2"] {
        for target in ["linux/amd64", "src"] {
            assert_eq!(fault(judge(&Sdk::new(old, target))), LayoutFault::TooOld(version(old)));
        }
    }
}

#[test]
fn everything_is_in_go_but_for_two_published_mistakes() {
    let strays = |sdk: Sdk| {
        sdk.with_entries([
            TarEntry::directory("gocache/"),
            TarEntry::file("gocache/README", "a build cache"),
            TarEntry::file("tmp/x", "left over"),
        ])
    };
    for name in ["go1.11.5", "go1.10.8"] {
        let clean = judge(&Sdk::linux_amd64(name)).unwrap();
        let manifest = judge(&strays(Sdk::linux_amd64(name))).unwrap();
        assert_eq!(manifest, clean, "{name}: what is not in go/ is in no SDK");
        let other = Sdk::linux_amd64(name).with_entries([TarEntry::file("other/x", "")]);
        let outside = judge(&other).unwrap_err();
        assert!(
            matches!(outside, ArchiveError::Tar { fault: TarFault::Entry(EntryFault::OutsideTop(_)), .. }),
            "{outside:?}"
        );
        assert_eq!(outside.code(), Code::LayoutInvalid);
    }
    for common in [
        Sdk::linux_amd64("go1.11.4"),
        Sdk::linux_amd64("go1.11"),
        Sdk::new("go1.11.5", "linux/386"),
        Sdk::source("go1.11.5"),
        sdk(),
    ] {
        assert!(judge(&common).is_ok());
        assert_eq!(judge(&strays(common)).unwrap_err().code(), Code::LayoutInvalid);
    }
    let beside = judge(&sdk().with_entries([TarEntry::file("go.env", "")])).unwrap_err();
    assert_eq!(beside.code(), Code::LayoutInvalid, "{beside}");
    let top_is_a_file = judge_bytes(&gzip(&tar(&[TarEntry::file("go", "")])), sdk().name()).unwrap_err();
    assert_eq!(top_is_a_file.code(), Code::LayoutInvalid, "{top_is_a_file}");
}

#[test]
fn read_only_modes_were_published_once() {
    let read_only = |sdk: &Sdk| {
        let entries = sdk.entries().into_iter().map(|entry| {
            entry.header(|header| {
                let mode = header.mode().unwrap();
                header.set_mode(mode & 0o555);
            })
        });
        gzip(&tar(&entries.collect::<Vec<_>>()))
    };
    for target in ["linux/amd64", "darwin/amd64", "src"] {
        let beta = Sdk::new("go1.13beta1", target);
        let writable = judge(&beta).unwrap();
        assert_eq!(judge_bytes(&read_only(&beta), beta.name()), Ok(writable), "they stand for 0644 and 0755");
        let release = Sdk::new("go1.13", target);
        let fault = judge_bytes(&read_only(&release), release.name()).unwrap_err();
        assert!(
            matches!(fault, ArchiveError::Tar { fault: TarFault::Header(HeaderFault::Mode(0o555)), .. }),
            "{fault}"
        );
    }
}

#[test]
fn every_kind_of_fault_has_a_case() {
    let faults = [
        judge(&sdk().without("VERSION")),
        judge(&with_mode(sdk(), "bin/go", 0o644)),
        judge(&sdk().with_file(".goverify.json", "", 0o644)),
        judge(&sdk().with_file("VERSION", "x".repeat(5000), 0o644)),
        judge(&sdk().with_file("VERSION", "go1", 0o644)),
        judge(&sdk().with_file("VERSION", VERSION, 0o644)),
        judge(&sdk().with_file("bin/go", "", 0o755)),
        judge(&Sdk::linux_amd64("go1.4")),
    ];
    let kinds: HashSet<_> = faults.map(fault).iter().map(discriminant).collect();
    assert_eq!(kinds.len(), FAULT_KINDS);
}
