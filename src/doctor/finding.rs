//! What may be unsound, by stable codes.

use std::path::Path;

use super::goenv::{Origin, Setting};
use super::program::first_word;
use crate::release::Version;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// It works, and is weaker or other than most people think.
    Warning,
    /// It does not work, or whoever should not can change what runs.
    Error,
}

impl Severity {
    /// The word in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Names each kind of finding once: variant, code, severity, meaning.
macro_rules! kinds {
    ($($variant:ident $code:literal $severity:ident $meaning:literal;)*) => {
        /// What was found. Codes are stable, and each has one severity.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Kind {
            $(#[doc = $meaning] $variant,)*
        }

        impl Kind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The code in reports.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// How bad it is.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }
        }
    };
}

kinds! {
    GoNotFound "go-not-found" Error "No `go` is in `PATH`.";
    GoIsScript "go-is-script" Warning "The first `go` is a script, which decides anew each time what it starts.";
    GoShadowed "go-shadowed" Info "Another `go` stands behind the first one in `PATH`.";
    GofmtOfAnotherTree "gofmt-of-another-tree" Warning "The first `gofmt` is not of the first `go`'s tree.";
    PathEntryRelative "path-entry-relative" Warning "An element of `PATH` before `go` depends on the current folder.";
    GorootUnknown "goroot-unknown" Error "The `go` command finds no GOROOT, and gives up.";
    GorootMissing "goroot-missing" Error "GOROOT is no folder.";
    GorootNotAnSdk "goroot-not-an-sdk" Error "GOROOT lacks what an SDK has.";
    GorootDiffers "goroot-differs" Warning "GOROOT is another tree than that of the running `go`, of the same version.";
    GorootVersionDiffers "goroot-version-differs" Error "GOROOT is a tree of another version than the running `go`.";
    VersionDenied "version-denied" Error "`VERSION` names another version than the `go` of the same tree.";
    ToolMissing "tool-missing" Error "A tool without which nothing can be built is not there.";
    ToolNotExecutable "tool-not-executable" Error "A tool may not be executed.";
    ToolOfAnotherPlatform "tool-of-another-platform" Error "A tool is made for another machine.";
    TreeMixed "tree-mixed" Error "The tree has parts of several releases: one was unpacked over another.";
    TreeModified "tree-modified" Error "The tree is not as it was released.";
    TreeNotAudited "tree-not-audited" Info "Nothing at hand says whether the tree is as it was released.";
    GobinRelative "gobin-relative" Error "GOBIN is not absolute, which `go install` refuses.";
    GobinAcross "gobin-across" Error "GOBIN is set while programs for another platform are made, which is refused.";
    GobinMissing "gobin-missing" Info "The folder for programs is not there; `go install` makes it.";
    GobinNotWritable "gobin-not-writable" Error "Programs cannot be put where `go install` puts them.";
    GobinNotOnPath "gobin-not-on-path" Warning "Nobody finds what `go install` installs.";
    GobinShadowed "gobin-shadowed" Warning "A namesake elsewhere is found before an installed program.";
    GobinInCache "gobin-in-cache" Warning "Programs are put into a cache, which may be emptied.";
    GobinInGoroot "gobin-in-goroot" Warning "Programs are put into the SDK, which is then not as it was released.";
    GopathIsGoroot "gopath-is-goroot" Warning "GOPATH is the SDK.";
    GopathEmpty "gopath-empty" Error "Neither GOPATH nor a home folder is known.";
    GopathInvalid "gopath-invalid" Error "GOPATH is not absolute, which the `go` command refuses.";
    GocacheOff "gocache-off" Error "There is no build cache, without which nothing is built.";
    WritableByOthers "writable-by-others" Error "Everybody may change what runs.";
    WritableByGroup "writable-by-group" Warning "A group may change what runs.";
    ForeignOwner "foreign-owner" Error "Somebody who is neither root nor the user may change what runs.";
    SumdbOff "sumdb-off" Warning "Modules are not compared with the checksum database.";
    SumdbSkipped "sumdb-skipped" Info "Some modules are not compared with the checksum database.";
    InsecureModules "insecure-modules" Warning "Some modules may come without TLS, and unchecked.";
    GoflagsWeak "goflags-weak" Warning "GOFLAGS weakens every build.";
    ProxyInsecure "proxy-insecure" Warning "Modules come from a proxy without TLS.";
    ProxyDirect "proxy-direct" Info "Modules come from wherever their authors keep them.";
    ToolchainInvalid "toolchain-invalid" Error "GOTOOLCHAIN is none of the words that it may be.";
    ToolchainNotFound "toolchain-not-found" Error "The tool chain that is asked for is not in `PATH`, and may not be downloaded.";
    ToolchainDownloads "toolchain-downloads" Warning "The `go` command would download another tool chain.";
    ToolchainSwitches "toolchain-switches" Info "The `go` command would hand over to another tool chain.";
    ReleaseUnsupported "release-unsupported" Warning "The release gets no security fixes any more.";
    ReleaseOutdated "release-outdated" Warning "The release lacks the fixes of later ones of its series.";
    ReleaseUnknown "release-unknown" Warning "The index does not list the version.";
}

/// Something that may be unsound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// In a sentence.
    pub message: String,
    /// What says so: a setting with its origin, or a path.
    pub evidence: String,
    /// A line for a POSIX shell that mends it; empty where only a person can.
    pub fix: String,
}

impl Finding {
    /// A fix that a terminal could not show as it is, or that names a path which is no text, is none.
    pub(super) fn new(
        kind: Kind,
        message: impl Into<String>,
        evidence: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        let fix = Some(fix.into()).filter(|fix| !fix.contains(|c: char| c.is_control() || c == '\u{fffd}'));
        Self { kind, message: message.into(), evidence: evidence.into(), fix: fix.unwrap_or_default() }
    }
}

/// `text` as one word of a POSIX shell (XCU §2.2.2).
#[must_use]
pub fn posix_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A path as one word of a POSIX shell, bare where nothing in it means anything there.
pub(super) fn word(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@:=,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) { text } else { posix_quoted(&text) }
}

/// A setting as evidence: its value, and where it comes from.
pub(super) fn stated(setting: &Setting) -> String {
    let value = without_password(&setting.value.to_string_lossy());
    format!("{}={value} ({})", setting.said_by, origin(&setting.origin))
}

/// A text without what may be passwords in its URLs.
#[must_use]
pub fn without_password(text: &str) -> String {
    let mut shown = String::new();
    let mut parts = text.split("://");
    shown.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let end = part.find(['/', ',', '|']).unwrap_or(part.len());
        let (authority, rest) = part.split_at_checked(end).unwrap_or((part, ""));
        let host = authority.rsplit_once('@').map_or(authority.to_owned(), |(_, host)| format!("…@{host}"));
        shown.push_str("://");
        shown.push_str(&host);
        shown.push_str(rest);
    }
    shown
}

/// Where a setting comes from, in words.
#[must_use]
pub fn origin(origin: &Origin) -> String {
    match origin {
        Origin::Variable => "variable".to_owned(),
        Origin::Line { path, number, .. } => format!("{}:{number}", path.display()),
        Origin::Place => "where go is".to_owned(),
        Origin::BuiltIn => "built in".to_owned(),
        Origin::Default => "default".to_owned(),
    }
}

/// The line that gives a setting another value, or none.
pub(super) fn set(setting: &Setting, value: Option<&str>) -> String {
    let name = setting.said_by;
    match (&setting.origin, value) {
        (Origin::Line { is_users: true, .. }, None) => format!("go env -u {name}"),
        (Origin::Line { is_users: true, .. }, Some(value)) => format!("go env -w {name}={}", word(Path::new(value))),
        // An empty line in the user's file hides that of the tree, which is nobody's to edit.
        (Origin::Line { .. }, value) => {
            format!("go env -w {name}={}", value.map(Path::new).map(word).unwrap_or_default())
        }
        (_, Some(value)) => format!("export {name}={}", word(Path::new(value))),
        (_, None) => format!("unset {name}"),
    }
}

/// The line that takes a setting away with which the `go` command would not even start, or that it does not touch.
pub(super) fn cut(setting: &Setting) -> String {
    let name = setting.said_by;
    match &setting.origin {
        // The content is replaced and not the file, which may be a link.
        Origin::Line { path, .. } => {
            format!("f={}; t=$(sed '/^{name}=/d' \"$f\") && printf '%s\\n' \"$t\" > \"$f\"", word(path))
        }
        _ => format!("unset {name}"),
    }
}

/// The line that lets this shell use a release in its default place; none where `version` is not one.
pub(super) fn fetch(version: &str) -> String {
    released(version)
        .map_or_else(String::new, |version| format!("goverify fetch {version} && eval \"$(goverify env {version})\""))
}

/// The line that puts a release where a tree is that should be it; none where `version` is not one.
pub(super) fn reinstall(tree: &Path, version: &str) -> String {
    released(version)
        .map_or_else(String::new, |version| format!("goverify fetch {version} --to {} --force", word(tree)))
}

/// A version as `goverify` takes it. What a tree says is anybody's text, and goes into no line for a shell before that.
fn released(version: &str) -> Option<String> {
    if version == "stable" {
        return Some(version.to_owned());
    }
    let version: Version = first_word(version).parse().ok()?;
    Some(version.to_string().trim_start_matches("go").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tree_calls_itself_is_no_command() {
        let tree = Path::new("/opt/it's go");
        assert_eq!(reinstall(tree, "go1.22.5"), "goverify fetch 1.22.5 --to '/opt/it'\\''s go' --force");
        assert_eq!(reinstall(tree, "go1.22.5 (Red Hat 1.22.5-1.el9)"), reinstall(tree, "go1.22.5"));
        for hostile in ["go1.22.5;touch${IFS}/tmp/x", "$(touch x)", "go1.22.5-custom", ""] {
            assert_eq!((fetch(hostile), reinstall(tree, hostile)), (String::new(), String::new()), "{hostile}");
        }
    }

    #[test]
    fn what_cannot_be_pasted_is_no_fix() {
        let fix =
            |path: &str| Finding::new(Kind::GobinMissing, "", "", format!("mkdir -p {}", word(Path::new(path)))).fix;
        assert_eq!(fix("/a b"), "mkdir -p '/a b'");
        for path in ["/a\nb", "/a\u{1b}b", "/a\u{fffd}b"] {
            assert_eq!(fix(path), "");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        let shown = without_password("https://me:secret@a.example/x,http://b.example|direct");
        assert_eq!(shown, "https://…@a.example/x,http://b.example|direct");
        assert_eq!(without_password("sum.golang.org https://k@e@c.example"), "sum.golang.org https://…@c.example");
    }
}
