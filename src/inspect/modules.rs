//! The text that says which modules and settings a binary was built from, as Go's runtime/debug.ParseBuildInfo reads it.
//!
//! A line each, its fields between tabs: `path`, `mod`, `dep`, `=>` for what replaces the module before, `build` for a
//! setting `KEY=VALUE`, either of which is quoted as in Go where it holds a space, a quote or the like. Other lines are
//! passed over, and so is a last one without its end.

/// What a binary was built from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Modules {
    /// The main package.
    pub path: Option<String>,
    /// The module of the main package.
    pub main: Option<Module>,
    /// The other modules, in the order of the text.
    pub dependencies: Vec<Module>,
    /// Settings of the build: flags and variables.
    pub settings: Vec<(String, String)>,
    /// The lines as they are, with their place in the file.
    pub(super) lines: Vec<Line>,
}

/// One module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Module {
    /// Its path.
    pub path: String,
    /// Its version; `(devel)` where it was built from its own folder.
    pub version: String,
    /// Its hash, where it was downloaded.
    pub sum: String,
    /// What was built in its place.
    pub replacement: Option<Box<Module>>,
}

/// One line that was understood. Where it is not UTF-8, places in it are not those in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) offset: u64,
    pub(super) text: String,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModuleFault {
    /// It has not as many fields as its kind.
    #[error("{0} fields")]
    Fields(usize),
    /// It replaces a module, and there is none before it.
    #[error("it replaces no module")]
    Replacement,
    /// It is no setting.
    #[error("not KEY=VALUE")]
    Setting,
    /// A quoted key or value is not quoted as in Go.
    #[error("wrong quotes")]
    Quotes,
}

impl Modules {
    /// The text, which stands at `offset` in the file.
    pub(super) fn parse(text: &[u8], offset: u64) -> Result<Self, super::BuildInfoFault> {
        let mut modules = Self::default();
        let mut at = offset;
        // The module that a replacement is of: the main one, or the last dependency.
        let mut last = Last::None;
        for (number, line) in text.split_inclusive(|&byte| byte == b'\n').enumerate() {
            let start = at;
            at = at.saturating_add(line.len() as u64);
            let Some(line) = line.strip_suffix(b"\n") else { break };
            let line = String::from_utf8_lossy(line);
            let known = modules.line(&line, &mut last);
            if known.map_err(|fault| super::BuildInfoFault::Line { line: number + 1, fault })? {
                modules.lines.push(Line { offset: start, text: line.into_owned() });
            }
        }
        Ok(modules)
    }

    fn line(&mut self, line: &str, last: &mut Last) -> Result<bool, ModuleFault> {
        let Some((word, rest)) = line.split_once('\t') else { return Ok(false) };
        match word {
            "path" => self.path = Some(rest.to_owned()),
            "mod" => {
                self.main = Some(module(rest, 2)?);
                *last = Last::Main;
            }
            "dep" => {
                self.dependencies.push(module(rest, 2)?);
                *last = Last::Dependency;
            }
            "=>" => {
                let replaced = match std::mem::replace(last, Last::None) {
                    Last::None => None,
                    Last::Main => self.main.as_mut(),
                    Last::Dependency => self.dependencies.last_mut(),
                };
                let replacement = module(rest, 3)?;
                replaced.ok_or(ModuleFault::Replacement)?.replacement = Some(Box::new(replacement));
            }
            "build" => self.settings.push(setting(rest)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The value of a setting.
    #[must_use]
    pub fn setting(&self, key: &str) -> Option<&str> {
        self.settings.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// The lines as `go version -m` prints them, without the tab before each: a module that is replaced without its hash,
    /// and an empty line behind its replacement.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (number, Line { text, .. }) in self.lines.iter().enumerate() {
            let is_replaced = self.lines.get(number + 1).is_some_and(|next| next.text.starts_with("=>\t"));
            let mut fields: Vec<&str> = text.split('\t').collect();
            if let Some(&("mod" | "dep")) = fields.first() {
                fields.resize(if is_replaced { 3 } else { 4 }, "");
            }
            lines.push(fields.join("\t"));
            if text.starts_with("=>\t") {
                lines.push(String::new());
            }
        }
        lines
    }
}

enum Last {
    None,
    Main,
    Dependency,
}

fn module(fields: &str, fewest: usize) -> Result<Module, ModuleFault> {
    let fields: Vec<&str> = fields.split('\t').collect();
    match fields.as_slice() {
        [path, version, sum] => Ok(Module::new(path, version, sum)),
        [path, version] if fewest == 2 => Ok(Module::new(path, version, "")),
        other => Err(ModuleFault::Fields(other.len())),
    }
}

impl Module {
    fn new(path: &str, version: &str, sum: &str) -> Self {
        Self { path: path.to_owned(), version: version.to_owned(), sum: sum.to_owned(), replacement: None }
    }
}

/// Whether Go quotes this.
fn wants_quotes(text: &str, of_key: bool) -> bool {
    text.contains([' ', '\t', '\r', '\n', '"', '`']) || of_key && (text.is_empty() || text.contains('='))
}

fn setting(text: &str) -> Result<(String, String), ModuleFault> {
    let (key, value) = if text.starts_with(['"', '`']) {
        let (key, rest) = unquoted(text).ok_or(ModuleFault::Quotes)?;
        (key, rest.strip_prefix('=').ok_or(ModuleFault::Setting)?)
    } else {
        let (key, value) = text.split_once('=').ok_or(ModuleFault::Setting)?;
        if wants_quotes(key, true) {
            return Err(ModuleFault::Setting);
        }
        (key.to_owned(), value)
    };
    if value.starts_with(['"', '`']) {
        return match unquoted(value) {
            Some((value, "")) => Ok((key, value)),
            _ => Err(ModuleFault::Quotes),
        };
    }
    if wants_quotes(value, false) { Err(ModuleFault::Quotes) } else { Ok((key, value.to_owned())) }
}

/// The Go string literal that `text` begins with, and what is behind it (go.dev/ref/spec#String_literals).
fn unquoted(text: &str) -> Option<(String, &str)> {
    if let Some(raw) = text.strip_prefix('`') {
        let (content, rest) = raw.split_once('`')?;
        return Some((content.replace('\r', ""), rest));
    }
    let content = text.strip_prefix('"')?;
    // Octets, since `\x` and octal escapes name them.
    let mut made = Vec::new();
    let mut rest = content;
    loop {
        let c = rest.chars().next()?;
        rest = rest.get(c.len_utf8()..)?;
        match c {
            '"' => return Some((String::from_utf8_lossy(&made).into_owned(), rest)),
            '\n' => return None,
            '\\' => {
                let (escape, digits) = rest.split_at_checked(1)?;
                rest = digits;
                let mut number = |length, radix| {
                    let (digits, after) = rest.split_at_checked(length)?;
                    rest = after;
                    // A sign is no digit.
                    let plain = digits.chars().all(|digit| digit.is_digit(radix));
                    plain.then(|| u32::from_str_radix(digits, radix).ok()).flatten()
                };
                let octet = match escape {
                    "a" => 7,
                    "b" => 8,
                    "f" => 12,
                    "n" => b'\n',
                    "r" => b'\r',
                    "t" => b'\t',
                    "v" => 11,
                    "\\" => b'\\',
                    "\"" => b'"',
                    "x" => u8::try_from(number(2, 16)?).ok()?,
                    "u" | "U" => {
                        let point = char::from_u32(number(if escape == "u" { 4 } else { 8 }, 16)?)?;
                        made.extend(point.to_string().bytes());
                        continue;
                    }
                    first @ ("0" | "1" | "2" | "3") => {
                        let high: u8 = first.parse().ok()?;
                        (high << 6) | u8::try_from(number(2, 8)?).ok()?
                    }
                    _ => return None,
                };
                made.push(octet);
            }
            c => made.extend(c.to_string().bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::BuildInfoFault;
    use super::*;

    #[test]
    fn lines_are_read_as_go_reads_them() {
        let text = "path\texample.com/x\nmod\texample.com/x\t(devel)\t\ndep\tb\tv1.0.0\th1:x=\ndep\tc\tv1\n\
                    =>\t/home/me/c\t(devel)\t\nnews\tx\nbuild\t-ldflags=\"-X main.x=\\\"a\\\" \\x41\\101\\u00e9\"\n\
                    build\tCGO_CFLAGS=\nbuild\t`a b`=c\nbuild\tcut=";
        let modules = Modules::parse(text.as_bytes(), 100).unwrap();
        assert_eq!(modules.path.as_deref(), Some("example.com/x"));
        assert_eq!(modules.main, Some(Module::new("example.com/x", "(devel)", "")));
        let replaced = Module {
            replacement: Some(Box::new(Module::new("/home/me/c", "(devel)", ""))),
            ..Module::new("c", "v1", "")
        };
        assert_eq!(modules.dependencies, [Module::new("b", "v1.0.0", "h1:x="), replaced]);
        assert_eq!(modules.setting("-ldflags"), Some("-X main.x=\"a\" AAé"));
        assert_eq!((modules.setting("CGO_CFLAGS"), modules.setting("a b")), (Some(""), Some("c")));
        assert_eq!(modules.setting("cut"), None);
        assert_eq!(modules.lines()[3..6], ["dep\tc\tv1", "=>\t/home/me/c\t(devel)\t", ""]);
        assert_eq!(Modules::parse(b"dep\tc\tv1\n", 0).unwrap().lines(), ["dep\tc\tv1\t"]);
        assert_eq!(modules.lines[1].offset, 100 + "path\texample.com/x\n".len() as u64);
    }

    #[test]
    fn lines_that_go_refuses_are_refused() {
        for (line, fault) in [
            ("mod\ta", ModuleFault::Fields(1)),
            ("dep\ta\tb\tc\td", ModuleFault::Fields(4)),
            ("=>\ta\tb\tc", ModuleFault::Replacement),
            ("mod\ta\tb\n=>\ta\tb", ModuleFault::Fields(2)),
            ("mod\ta\tb\n=>\ta\tb\tc\n=>\ta\tb\tc", ModuleFault::Replacement),
            ("build\tx", ModuleFault::Setting),
            ("build\t=x", ModuleFault::Setting),
            ("build\ta b=x", ModuleFault::Setting),
            ("build\ta=b c", ModuleFault::Quotes),
            ("build\ta=\"b", ModuleFault::Quotes),
            ("build\ta=\"b\"c", ModuleFault::Quotes),
            ("build\ta=\"\\q\"", ModuleFault::Quotes),
            ("build\ta=\"\\x+1\"", ModuleFault::Quotes),
            ("build\ta=\"\\ud800\"", ModuleFault::Quotes),
            ("build\t\"a\"b=c", ModuleFault::Setting),
        ] {
            let number = line.matches('\n').count() + 1;
            let expected = Err(BuildInfoFault::Line { line: number, fault });
            assert_eq!(Modules::parse(format!("{line}\n").as_bytes(), 0), expected, "{line:?}");
        }
    }
}
