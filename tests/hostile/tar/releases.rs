//! Archives in order that are not the release they should be, and names that are goverify's own.
//!
//! `tests/layout.rs` breaks each rule of the layout; here is what an attacker would make of them.

use goverify::archive::{EntryFault, HeaderFault, LayoutFault};
use goverify::error::Code;

use super::{Row, SMALL, VERSION, agree, by_pax, with};
use crate::case::{Case, Fault, check};
use crate::support::sdk::{Sdk, program};
use crate::support::tar_entry::TarEntry;

fn invalid(what: impl Into<String>, archive: Vec<u8>, fault: LayoutFault) -> Case {
    Case::rejected(what, archive, Code::LayoutInvalid).because(Fault::Layout(fault))
}

fn small() -> Sdk {
    SMALL.sdk.clone()
}

pub(crate) fn t31() -> Vec<Case> {
    let mut row = Row::default();
    let names =
        [".goverify", ".goverify.json", ".goverify-ok", ".goverify.lock", ".goverify-0", ".GOVERIFY", ".GoVerify.Json"];
    for name in names {
        for directory in ["", "src/", "bin/", "pkg/tool/linux_amd64/", "src/new/"] {
            let path = format!("{directory}{name}");
            let full = format!("go/{path}");
            let fault = || LayoutFault::Unexpected(path.clone());
            row.0.push(invalid(format!("file {path}"), with([TarEntry::file(&full, "{}")]), fault()));
            row.0.push(invalid(format!("file {path} by pax"), with([by_pax(&full)]), fault()));
            let folder = TarEntry::directory(format!("{full}/"));
            row.0.push(invalid(format!("directory {path}"), with([folder]), fault()));
            let below = LayoutFault::Unexpected(format!("{path}/x"));
            let file = TarEntry::file(format!("{full}/x"), "");
            row.0.push(invalid(format!("file in {path}"), with([file]), below));
        }
        // As the mark of a complete unpacking could be a way to write elsewhere (cargo CVE-2022-36113).
        let link = TarEntry::link(format!("go/{name}"), "/home/user/.bashrc");
        row.forbidden(format!("link {name}"), with([link]), HeaderFault::ForbiddenType(b'2'));
    }
    for path in ["goverify.json", "src/x.goverify", "src/.go/verify", ".goverif", "_.goverify", ".go-verify"] {
        row.accepted(format!("file {path}"), with([TarEntry::file(format!("go/{path}"), "")]));
    }
    row.0
}

#[test]
fn t31_names_of_our_own() {
    check(&t31(), agree);
}

pub(crate) fn t32() -> Vec<Case> {
    let mut row = Row::default();
    others(&mut row);
    versions(&mut row);
    let missing = |path: &str| LayoutFault::Missing(path.to_owned());
    let needed = ["VERSION", "go.env", "bin/go", "bin/gofmt", "pkg/include/textflag.h"];
    let tools = ["asm", "compile", "link"].map(|tool| format!("pkg/tool/linux_amd64/{tool}"));
    for path in needed.into_iter().chain(tools.iter().map(String::as_str)) {
        let told = if path == "pkg/include/textflag.h" { "pkg/include" } else { path };
        row.0.push(invalid(format!("no {path}"), small().without(path).tar_gz(), missing(told)));
        // Elsewhere it does not count.
        let (content, mode) = small().files()[path].clone();
        let moved = small().without(path).with_file(&format!("src/{path}"), content, mode);
        row.0.push(invalid(format!("{path} in src"), moved.tar_gz(), missing(told)));
    }
    for path in ["bin/go", "bin/gofmt"] {
        for other in ["linux/arm64", "linux/386", "linux/arm", "darwin/amd64", "darwin/arm64", "windows/amd64"] {
            let foreign = small().with_file(path, program(&other.parse().unwrap(), ""), 0o755);
            let fault = LayoutFault::Platform { path: path.to_owned(), expected: "linux/amd64".parse().unwrap() };
            row.0.push(invalid(format!("{path} for {other}"), foreign.tar_gz(), fault));
        }
    }
    for path in
        ["pkg/tool/linux_arm64/asm", "pkg/tool/windows_amd64/link.exe", "pkg/tool/linux_amd64x/asm", "pkg/tool/asm"]
    {
        let directory = path.split('/').take(3).collect::<Vec<_>>().join("/");
        let extra = small().with_file(path, "", 0o755);
        row.0.push(invalid(format!("{path} beside its own"), extra.tar_gz(), LayoutFault::Unexpected(directory)));
    }
    for top in ["evil", "gocache", "tmp", "go1.22.5", "go2", ".git", "bin", "src", "pkg"] {
        let outside = |path: &str| (Code::LayoutInvalid, EntryFault::OutsideTop(path.to_owned()));
        let directory = TarEntry::directory(format!("{top}/"));
        row.add(format!("directory {top} beside go"), with([directory]), outside(top));
        let path = format!("{top}/x");
        row.add(format!("file {path} beside go"), with([TarEntry::file(&path, "")]), outside(&path));
    }
    row.accepted("the release itself", SMALL.sdk.tar_gz());
    row.accepted("one more file", small().with_file("src/evil/x", "", 0o644).tar_gz());
    row.0
}

/// Each of some archives as every other of them.
fn others(row: &mut Row) {
    let all = [
        small(),
        Sdk::minimal(VERSION, "linux/arm64"),
        Sdk::minimal(VERSION, "linux/386"),
        Sdk::minimal(VERSION, "linux/arm"),
        Sdk::minimal(VERSION, "darwin/amd64"),
        Sdk::minimal(VERSION, "darwin/arm64"),
        Sdk::minimal(VERSION, "freebsd/amd64"),
        Sdk::minimal(VERSION, "src"),
        Sdk::minimal("go1.22.6", "linux/amd64"),
        Sdk::minimal("go1.22.4", "linux/amd64"),
        Sdk::minimal("go1.23.5", "linux/amd64"),
        Sdk::minimal("go1.22rc1", "linux/amd64"),
        Sdk::minimal("go1.22.50", "linux/amd64"),
        Sdk::minimal("go1.20.5", "linux/amd64"),
    ];
    for held in &all {
        for claimed in all.iter().map(|sdk| sdk.name().to_string()) {
            if held.name().to_string() == claimed {
                row.0.push(Case::accepted(format!("{claimed} as it is"), held.tar_gz()).named(&claimed));
            } else {
                let what = format!("{} as {claimed}", held.name());
                row.0.push(Case::rejected(what, held.tar_gz(), Code::LayoutInvalid).named(&claimed));
            }
        }
    }
}

fn versions(row: &mut Row) {
    let time = "\ntime 2024-06-27T20:11:12Z\n";
    let first_lines = [
        "go1.22.6",
        "go1.22.50",
        "go1.22",
        "go1.22.5rc1",
        "go1.22.5 ",
        " go1.22.5",
        "GO1.22.5",
        "1.22.5",
        "",
        "go1.22.5\r",
        "\u{feff}go1.22.5",
        "go1.22.5\0",
        "go1.22.05",
        "devel go1.23-0a1b2c3",
        "go1.22.5-custom",
        "go1.22.5 X:boringcrypto",
    ];
    for line in first_lines {
        let sdk = small().with_file("VERSION", format!("{line}{time}"), 0o644);
        let fault = LayoutFault::Version { expected: VERSION.parse().unwrap(), actual: line.to_owned() };
        row.0.push(invalid(format!("VERSION says {line:?}"), sdk.tar_gz(), fault));
    }
    for more in [
        "",
        "\n",
        "\n\n",
        "\ntime\n",
        "\ntime yesterday\n",
        "\nTIME 2024-06-27T20:11:12Z\n",
        "\ntime 2024-13-27T20:11:12Z\n",
        "\ntime 2024-06-27T20:11:12Z\nmore\n",
    ] {
        let sdk = small().with_file("VERSION", format!("{VERSION}{more}"), 0o644);
        row.0.push(invalid(format!("VERSION goes on {more:?}"), sdk.tar_gz(), LayoutFault::Time));
    }
    for length in [4097, 8192, 2 << 20] {
        let content = format!("{VERSION}{time}{}", "\n".repeat(length - VERSION.len() - time.len()));
        let sdk = small().with_file("VERSION", content, 0o644);
        row.0.push(invalid(format!("VERSION of {length} bytes"), sdk.tar_gz(), LayoutFault::VersionTooLong));
    }
    let directory = small().without("VERSION").with_entries([TarEntry::directory("go/VERSION/")]);
    row.0.push(invalid("VERSION is a directory", directory.tar_gz(), LayoutFault::Missing("VERSION".to_owned())));
    let content = format!("{VERSION}{time}{}", "\n".repeat(4096 - VERSION.len() - time.len()));
    row.accepted("VERSION of 4,096 bytes", small().with_file("VERSION", content, 0o644).tar_gz());
}

#[test]
fn t32_other_releases() {
    check(&t32(), agree);
}
