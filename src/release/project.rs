//! What a project's own files say of the release that it wants.
//!
//! - `go.work` and `go.mod`: as the `go` command chooses its toolchain (<https://go.dev/doc/toolchain#select>): the
//!   `toolchain` line, or what the `go` line needs, where that is newer. `go 1.22.1` needs go1.22.1; `go 1.22`, a
//!   language version, its first release, go1.22.0; up to 1.20 that is go1.20 itself;
//! - `toolchain default` names none, so that the `go` line decides. `toolchain go1.22.5-custom` names a build that is
//!   not the Go team's, and `toolchain go1.22` no release at all: both are refused;
//! - such files are read line by line as golang.org/x/mod's `modfile` reads them: `//` comments and strings count, `go`
//!   and `toolchain` stand at most once, alone on their line and in no block, with one plain version; other lines are not
//!   judged. A file that has neither says nothing;
//! - `.go-version` (goenv): the first line that is neither empty nor a `#` comment. It must name something;
//! - `.tool-versions` (asdf, mise): the line of `golang` or `go`, of which the first version counts. Without such a line
//!   it says nothing. In these two, `1.22` is a series' newest release, and `stable`, `oldstable` and `latest` count;
//! - what is no version is refused, wherever it stands: `system`, `ref:main`, `../x`, `1.22.5;rm` (CVE-2023-39320).
//!
//! The variables GOTOOLCHAIN and GOWORK are not read. Where files are looked for is not decided here.

use super::version::parse_parts;
use super::{ReleaseError, Selector, Version};

/// Longest such file in bytes; the `go.mod` of Kubernetes has 20 kB.
pub const PROJECT_FILE_SIZE_LIMIT_BYTES: u64 = 1 << 20;

/// A file that can name a release, in order of precedence within one folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProjectFile {
    /// A workspace.
    GoWork,
    /// A module.
    GoMod,
    /// goenv's.
    GoVersion,
    /// asdf's.
    ToolVersions,
}

/// Why a project's file names no release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectFault {
    /// Not a version.
    #[error("\"{}\" is not a Go version", crate::error::escaped(.0))]
    Version(String),
    /// A build that the Go team did not release, or a series.
    #[error("toolchain \"{}\" is not a release of the Go team", crate::error::escaped(.0))]
    Toolchain(String),
    /// Not one version behind the word.
    #[error("{0} takes one version")]
    Arguments(&'static str),
    /// Twice.
    #[error("a second {0} line")]
    Repeated(&'static str),
    /// `go (`.
    #[error("{0} does not go into a block")]
    Block(&'static str),
    /// Nothing that the `go` command could read.
    #[error("{0}")]
    Syntax(&'static str),
    /// Nothing in it.
    #[error("it names no version")]
    Empty,
    /// Longer than any.
    #[error("longer than {PROJECT_FILE_SIZE_LIMIT_BYTES} bytes")]
    TooLong,
}

impl ProjectFile {
    /// All, the one that counts most first.
    pub const ALL: [Self; 4] = [Self::GoWork, Self::GoMod, Self::GoVersion, Self::ToolVersions];

    /// What the file is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::GoWork => "go.work",
            Self::GoMod => "go.mod",
            Self::GoVersion => ".go-version",
            Self::ToolVersions => ".tool-versions",
        }
    }

    /// The release that a file of this kind asks for; `None` where it says nothing of Go's version.
    ///
    /// # Errors
    /// [`ReleaseError::Project`] when it says something else than a version.
    pub fn wanted(self, content: &[u8]) -> Result<Option<Selector>, ReleaseError> {
        if content.len() as u64 > PROJECT_FILE_SIZE_LIMIT_BYTES {
            return Err(ReleaseError::Project { line: 1, fault: ProjectFault::TooLong });
        }
        // As Go reads it: what is no UTF-8 is a strange character, and may stand in a comment.
        let text = String::from_utf8_lossy(content);
        let (line, wanted) = match self {
            Self::GoWork | Self::GoMod => module(&text),
            Self::GoVersion => plain(&text),
            Self::ToolVersions => tools(&text),
        };
        wanted.map_err(|fault| ReleaseError::Project { line, fault })
    }
}

/// The number of the line that decided, and what was found.
type Found = (usize, Result<Option<Selector>, ProjectFault>);

fn selector(text: &str) -> Result<Option<Selector>, ProjectFault> {
    text.parse().map(Some).map_err(|_| ProjectFault::Version(text.to_owned()))
}

/// The lines without their `#` comments, numbered.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines().map(|line| line.split('#').next().unwrap_or_default().trim()))
}

fn plain(text: &str) -> Found {
    match lines(text).find(|(_, line)| !line.is_empty()) {
        Some((number, line)) => (number, selector(line)),
        None => (1, Err(ProjectFault::Empty)),
    }
}

fn tools(text: &str) -> Found {
    for (number, line) in lines(text) {
        let mut words = line.split_whitespace();
        if matches!(words.next(), Some("golang" | "go")) {
            return (number, words.next().map_or(Err(ProjectFault::Empty), selector));
        }
    }
    (1, Ok(None))
}

fn module(text: &str) -> Found {
    let (mut go, mut toolchain, mut block) = (None, None, None);
    let mut last = 1;
    for (number, line) in (1..).zip(text.split('\n')) {
        last = number;
        let judged = tokens(line).and_then(|tokens| match (block, tokens.as_slice()) {
            (_, []) => Ok(()),
            (Some(_), [")"]) => {
                block = None;
                Ok(())
            }
            (Some(_), [")", ..]) => Err(ProjectFault::Syntax("something behind the end of a block")),
            (Some(_), _) => Ok(()),
            (None, [verb, .., "("] | [verb, .., "(", ")"]) if let Some(word) = directive(verb) => {
                Err(ProjectFault::Block(word))
            }
            (None, [_, .., "("]) => {
                block = Some(number);
                Ok(())
            }
            (None, ["go", rest @ ..]) => go_line(&mut go, rest),
            (None, ["toolchain", rest @ ..]) => toolchain_line(&mut toolchain, rest),
            (None, _) => Ok(()),
        });
        if let Err(fault) = judged {
            return (number, Err(fault));
        }
    }
    if let Some(number) = block {
        return (number, Err(ProjectFault::Syntax("a block that does not end")));
    }
    (last, Ok(newer(go, toolchain.flatten()).map(Selector::Exact)))
}

fn directive(verb: &str) -> Option<&'static str> {
    ["go", "toolchain"].into_iter().find(|word| *word == verb)
}

/// A `go` line's version, and whether that is a release or else a series from which its first one was taken.
type GoLine = (Version, bool);

fn go_line(go: &mut Option<GoLine>, rest: &[&str]) -> Result<(), ProjectFault> {
    if go.is_some() {
        return Err(ProjectFault::Repeated("go"));
    }
    let [text] = rest else { return Err(ProjectFault::Arguments("go")) };
    let parsed = parse_parts(text).filter(|_| !text.starts_with("go"));
    let (version, is_release) = parsed.ok_or_else(|| ProjectFault::Version((*text).to_owned()))?;
    *go = Some((if is_release { version } else { version.first_of_series() }, is_release));
    Ok(())
}

fn toolchain_line(toolchain: &mut Option<Option<Version>>, rest: &[&str]) -> Result<(), ProjectFault> {
    if toolchain.is_some() {
        return Err(ProjectFault::Repeated("toolchain"));
    }
    let [text] = rest else { return Err(ProjectFault::Arguments("toolchain")) };
    let named = || text.parse().ok().filter(|_| text.starts_with("go"));
    *toolchain = Some(match *text {
        "default" => None,
        _ => Some(named().ok_or_else(|| ProjectFault::Toolchain((*text).to_owned()))?),
    });
    Ok(())
}

/// What the two lines come to. A language version is older than any release of its series, candidates included.
fn newer(go: Option<GoLine>, toolchain: Option<Version>) -> Option<Version> {
    match (go, toolchain) {
        (Some((go, _)), None) => Some(go),
        (Some((go, true)), Some(toolchain)) => Some(go.max(toolchain)),
        (Some((go, false)), Some(toolchain)) if go.series() > toolchain.series() => Some(go),
        (_, toolchain) => toolchain,
    }
}

/// The tokens of a line: words, strings with their quotes, and single punctuation marks. No token spans lines.
fn tokens(line: &str) -> Result<Vec<&str>, ProjectFault> {
    const PUNCTUATION: [char; 7] = ['(', ')', '[', ']', '{', '}', ','];
    let mut tokens = Vec::new();
    let mut rest = line.trim_start_matches([' ', '\t', '\r']);
    while let Some(first) = rest.chars().next() {
        if rest.starts_with("//") {
            break;
        }
        let length = match first {
            '"' | '`' => string_length(rest, first)?,
            _ if PUNCTUATION.contains(&first) => first.len_utf8(),
            _ => {
                let ends = |c: char| " \t\r".contains(c) || PUNCTUATION.contains(&c);
                let end = [rest.find(ends), rest.find("//")].into_iter().flatten().min();
                end.unwrap_or(rest.len())
            }
        };
        let (token, behind) = rest.split_at_checked(length).unwrap_or((rest, ""));
        let is_word = !matches!(first, '"' | '`');
        if is_word && token.contains("/*") {
            return Err(ProjectFault::Syntax("a comment that begins with /*"));
        }
        if is_word && token.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\u{feff}') {
            return Err(ProjectFault::Syntax("a character that cannot be printed"));
        }
        tokens.push(token);
        rest = behind.trim_start_matches([' ', '\t', '\r']);
    }
    Ok(tokens)
}

/// How long the string is that `text` begins with, quotes included.
fn string_length(text: &str, quote: char) -> Result<usize, ProjectFault> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            c if c == quote => return Ok(at + c.len_utf8()),
            _ => {}
        }
    }
    Err(ProjectFault::Syntax("a string that does not end"))
}
