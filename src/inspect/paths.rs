//! What is an absolute path of another machine, and which root it belongs to: rules of text alone.

/// Most module caches that are told apart; a binary is built with one.
const CACHES_LIMIT: usize = 16;

/// What a path's root is to the machine that it was on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RootKind {
    /// The Go tree that the binary was built with.
    Goroot,
    /// The folder of downloaded modules, `…/pkg/mod`.
    ModuleCache,
    /// The folder of installed programs beside it, `bin`.
    Gobin,
    /// The folder of one build, `go-build` and a number.
    Build,
    /// Somebody's home folder, which names them.
    Home,
    /// A folder for temporary files.
    Temporary,
    /// Anything else.
    Other,
}

impl RootKind {
    /// The word in the report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Goroot => "goroot",
            Self::ModuleCache => "module-cache",
            Self::Gobin => "gobin",
            Self::Build => "build",
            Self::Home => "home",
            Self::Temporary => "temporary",
            Self::Other => "other",
        }
    }
}

/// The part of a path that a rule speaks of.
type Prefix<'a> = Option<&'a str>;

fn is_separator(c: char) -> bool {
    matches!(c, '/' | '\\')
}

/// Characters that a path is taken to go on with, where nothing else says where it ends; what stands for bytes that are
/// no text is one of them.
fn goes_on(c: char) -> bool {
    c.is_alphanumeric()
        || c == char::REPLACEMENT_CHARACTER
        || is_separator(c)
        || matches!(c, '.' | '_' | '-' | '~' | '+' | '@' | '!' | '%')
}

/// Whether a path begins here: with `/` or a drive, and a name behind it. Placeholders that `go build -trimpath` gives to
/// C compilers (`/_/…`, `/tmp/go-build` without a number) are no paths of any machine.
pub(super) fn is_absolute(text: &str) -> bool {
    let named = |rest: &str| rest.chars().next().is_some_and(|c| goes_on(c) && !is_separator(c));
    let placeholder = text.starts_with("/_/") || text == "/tmp/go-build" || text.starts_with("/tmp/go-build/");
    match text.strip_prefix('/') {
        Some(rest) => named(rest) && !placeholder,
        None => drive(text).is_some_and(named),
    }
}

/// Whether this is nothing but an absolute path, where bytes that are no text may look like one: it has two components at
/// least, one of them of more than a letter, and no rare characters.
pub(super) fn is_plain(text: &str) -> bool {
    let usual = |c| goes_on(c) || matches!(c, ' ' | '(' | ')' | ',' | ':');
    let is_named = components(text).any(|(part, _)| part.len() > 1 && !part.ends_with(':'));
    is_absolute(text) && is_named && components(text).nth(1).is_some() && text.chars().all(usual)
}

/// What is behind a drive and its separator, `C:\`.
fn drive(text: &str) -> Prefix<'_> {
    let rest = text.strip_prefix(|c: char| c.is_ascii_alphabetic())?.strip_prefix(':')?;
    rest.strip_prefix(is_separator)
}

/// The absolute paths in a text, such as the value of a flag, each with where it begins: at the text's start, or behind a
/// character that is in no path; behind `-I` and the like, too. They end before the first character that
/// [`goes_on`] does not have, so that one with a space is cut there.
pub(super) fn mentioned(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut end = 0;
    text.char_indices().filter_map(move |(at, c)| {
        let begins = c == '/' || c.is_ascii_alphabetic() && text.as_bytes().get(at + 1) == Some(&b':');
        if at < end || !begins {
            return None;
        }
        let (before, path) = text.split_at_checked(at)?;
        if !is_boundary(before) || !is_absolute(path) {
            return None;
        }
        let drive_bytes = path.len() - drive(path).unwrap_or(path).len();
        let length = path.get(drive_bytes..)?.find(|c| !goes_on(c)).map_or(path.len(), |length| drive_bytes + length);
        end = at + length;
        Some((at, path.get(..length)?))
    })
}

fn is_boundary(before: &str) -> bool {
    let mut backwards = before.chars().rev();
    match backwards.next() {
        None => true,
        Some(c) if !goes_on(c) => true,
        // The option of a compiler whose folder follows it directly.
        Some('I' | 'L' | 'F' | 'B') => backwards.next() == Some('-') && backwards.next().is_none_or(|c| !goes_on(c)),
        Some(_) => false,
    }
}

/// Where each component of an absolute path begins and ends; a drive is one.
fn components(path: &str) -> impl Iterator<Item = (&str, usize)> {
    let mut end = 0;
    path.split(is_separator).filter_map(move |part| {
        let this = end + part.len();
        end = this + 1;
        (!part.is_empty()).then_some((part, this))
    })
}

/// Somebody's home folder, where a path is in one.
pub(super) fn home(path: &str) -> Prefix<'_> {
    let mut parts = components(path);
    let (first, end) = parts.next()?;
    let end = match first {
        "root" => end,
        "home" | "Users" => parts.next()?.1,
        drive if drive.ends_with(':') => match parts.next()?.0 {
            users if users.eq_ignore_ascii_case("Users") => parts.next()?.1,
            _ => return None,
        },
        _ => return None,
    };
    path.get(..end)
}

/// The module cache, where a path is in one.
fn module_cache(path: &str) -> Prefix<'_> {
    let mut before = "";
    for (part, end) in components(path) {
        if (before, part) == ("pkg", "mod") && end < path.len() {
            return path.get(..end);
        }
        before = part;
    }
    None
}

/// The folder of one build: `go-build` and a number.
fn build(path: &str) -> Prefix<'_> {
    let numbered =
        |part: &str| part.strip_prefix("go-build").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    components(path).find(|(part, _)| numbered(part)).and_then(|(_, end)| path.get(..end))
}

/// A folder for temporary files, with the folder of a program or person in it.
fn temporary(path: &str) -> Prefix<'_> {
    let folder =
        ["/tmp", "/var/tmp", "/private/tmp", "/var/folders"].into_iter().find(|folder| within(path, folder))?;
    let inner = components(path).find(|(_, end)| *end > folder.len()).map_or(path.len(), |(_, end)| end);
    path.get(..if inner < path.len() { inner } else { folder.len() })
}

/// Whether a path is in a folder, or is it.
pub(super) fn within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with(is_separator))
}

/// The tree of Go that a source file of its runtime is in.
pub(super) fn goroot(file: &str) -> Prefix<'_> {
    ["/src/runtime/proc.go", "\\src\\runtime\\proc.go"].into_iter().find_map(|tail| file.strip_suffix(tail))
}

/// What the paths of one binary say about each other.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The tree of Go.
    pub(super) goroot: Option<String>,
    /// The `bin` folders beside module caches.
    pub(super) gobins: Vec<String>,
}

impl Known {
    /// Learns from the path of a source file.
    pub(super) fn learn(&mut self, file: &str) {
        if self.goroot.is_none() {
            self.goroot = goroot(file).map(str::to_owned);
        }
        let gopath = module_cache(file).and_then(|cache| cache.get(..cache.len().checked_sub("/pkg/mod".len())?));
        if let Some(gopath) = gopath {
            let separator = if gopath.contains('\\') { '\\' } else { '/' };
            let bin = format!("{gopath}{separator}bin");
            if self.gobins.len() < CACHES_LIMIT && !self.gobins.contains(&bin) {
                self.gobins.push(bin);
            }
        }
    }

    /// The root that a path belongs to: the first rule that fits.
    pub(super) fn root<'a>(&self, path: &'a str) -> (RootKind, &'a str) {
        let known = |folder: &String| within(path, folder).then(|| path.get(..folder.len())).flatten();
        let goroot = || self.goroot.as_ref().and_then(known);
        let gobin = || self.gobins.iter().find_map(known);
        let rules: [(RootKind, &dyn Fn() -> Prefix<'a>); 6] = [
            (RootKind::Goroot, &goroot),
            (RootKind::ModuleCache, &|| module_cache(path)),
            (RootKind::Gobin, &gobin),
            (RootKind::Build, &|| build(path)),
            (RootKind::Home, &|| home(path)),
            (RootKind::Temporary, &|| temporary(path)),
        ];
        let found = rules.into_iter().find_map(|(kind, rule)| Some((kind, rule()?)));
        found.unwrap_or_else(|| (RootKind::Other, top(path)))
    }
}

/// The first two folders of a path, as far as there are.
fn top(path: &str) -> &str {
    let ends: Vec<usize> = components(path).map(|(_, end)| end).take(3).collect();
    let end = match ends.as_slice() {
        [_, second, _] => *second,
        [first, _] => *first,
        _ => 1,
    };
    path.get(..end).unwrap_or(path)
}

/// Whether a root is long enough to be looked for anywhere: of two components, a home, or a tree of Go.
pub(super) fn is_telling(kind: RootKind, root: &str) -> bool {
    matches!(kind, RootKind::Home | RootKind::Goroot) && components(root).next().is_some()
        || components(root).nth(1).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_paths_are_those_of_unix_and_windows_and_no_placeholders() {
        for path in ["/home/me/x.go", "/x", "C:/Go/src", "d:\\a\\b", "/tmp/go-build12/b001", "/.cache/x"] {
            assert!(is_absolute(path), "{path}");
        }
        for text in
            ["", "/", "//x", "fmt/print.go", "./x", "C:", "C:/", "C:x", "/_/x/y.go", "/tmp/go-build/b1", "/ _ 0", "/*x"]
        {
            assert!(!is_absolute(text), "{text}");
        }
    }

    #[test]
    fn bytes_that_look_like_a_path_are_none() {
        for path in ["/a/bc", "/opt/x", "C:/Program Files (x86)/Go", "/home/me/go/pkg/mod/x@v1.0.0/!y"] {
            assert!(is_plain(path), "{path}");
        }
        for text in ["/X/#", "/a/b", "/opt", "C:/x", "/*func(x/y)", "/opt/{x}", "opt/x"] {
            assert!(!is_plain(text), "{text}");
        }
    }

    #[test]
    fn paths_are_found_in_flags_and_none_in_urls_and_relative_paths() {
        let cases = [
            ("-X main.x=/home/me/secret -w", vec![(10, "/home/me/secret")]),
            ("-I/usr/include -L/opt/lib:/x", vec![(2, "/usr/include"), (17, "/opt/lib"), (26, "/x")]),
            ("-ffile-prefix-map=/a/b=/c", vec![(18, "/a/b"), (23, "/c")]),
            ("-X 'main.x=C:\\Users\\me'", vec![(11, "C:\\Users\\me")]),
            ("-Wl,-rpath,/opt/x,/opt/y", vec![(11, "/opt/x"), (18, "/opt/y")]),
            ("https://example.com/home/me example.com/x/home/y a/b", vec![]),
            ("-trimpath=/é/x;/y", vec![(10, "/é/x"), (16, "/y")]),
        ];
        for (text, expected) in cases {
            assert_eq!(mentioned(text).collect::<Vec<_>>(), expected, "{text}");
        }
    }

    #[test]
    fn each_path_has_the_root_of_the_first_rule_that_fits() {
        let mut known = Known::default();
        for file in ["/home/me/sdk/go1.22/src/runtime/proc.go", "/home/me/go/pkg/mod/x@v1/y.go"] {
            known.learn(file);
        }
        for (path, kind, root) in [
            ("/home/me/sdk/go1.22/src/fmt/print.go", RootKind::Goroot, "/home/me/sdk/go1.22"),
            ("/home/me/sdk/go1.22", RootKind::Goroot, "/home/me/sdk/go1.22"),
            ("/home/me/sdk/go1.22.1/x", RootKind::Home, "/home/me"),
            ("/home/me/go/pkg/mod/x@v1/y.go", RootKind::ModuleCache, "/home/me/go/pkg/mod"),
            ("/home/me/go/bin/tool", RootKind::Gobin, "/home/me/go/bin"),
            ("/tmp/go-build77/b001/x.go", RootKind::Build, "/tmp/go-build77"),
            ("/root/x.go", RootKind::Home, "/root"),
            ("/rooted/x/y.go", RootKind::Other, "/rooted/x"),
            ("/Users/me/x.go", RootKind::Home, "/Users/me"),
            ("C:\\Users\\me\\x.go", RootKind::Home, "C:\\Users\\me"),
            ("C:/users/me", RootKind::Home, "C:/users/me"),
            ("/tmp/x/y.go", RootKind::Temporary, "/tmp/x"),
            ("/tmp/y.go", RootKind::Temporary, "/tmp"),
            ("/builds/group/project/x.go", RootKind::Other, "/builds/group"),
            ("/app/main.go", RootKind::Other, "/app"),
            ("/main.go", RootKind::Other, "/"),
            ("D:/a/r/x.go", RootKind::Other, "D:/a"),
        ] {
            assert_eq!(known.root(path), (kind, root), "{path}");
        }
        assert!(is_telling(RootKind::Home, "/root") && is_telling(RootKind::Other, "/app/src"));
        assert!(!is_telling(RootKind::Other, "/app") && !is_telling(RootKind::Goroot, "/"));
    }
}
