//! Settings that weaken what the `go` command checks, or let it run another tool chain.

use super::super::finding::{Finding, Kind, cut, fetch, set, stated, without_password};
use super::super::toolchain::{Place, Toolchain};
use super::super::{Chain, GoEnv, Setting};

/// Go's own settings.
const SUMDB: &str = "sum.golang.org";
const PROXY: &str = "https://proxy.golang.org,direct";
/// Flags that no build should have by default: `-insecure` was go get's until go1.17, `-toolexec` runs a program of its
/// own in the place of each tool, `-overlay` puts other files in the place of a module's.
const WEAK_FLAGS: [&str; 3] = ["insecure", "toolexec", "overlay"];

pub(super) fn check(chain: &Chain) -> Vec<Finding> {
    let env = &chain.env;
    let mut findings = Vec::new();
    findings.extend(sumdb(env));
    findings.extend(insecure(env));
    findings.extend(flags(env));
    findings.extend(proxy(env));
    findings.extend(toolchain(chain));
    findings
}

/// A setting that somebody has set.
fn set_one<'a>(env: &'a GoEnv, name: &str) -> Option<&'a Setting> {
    env.find(name).filter(|setting| setting.is_set())
}

fn sumdb(env: &GoEnv) -> Option<Finding> {
    if let Some(setting) = set_one(env, "GOSUMDB").filter(|setting| setting.value == "off") {
        let message = "the checksum database is switched off: nobody notices when a module is not what others get";
        return Some(Finding::new(Kind::SumdbOff, message, stated(setting), set(setting, Some(SUMDB))));
    }
    let setting = set_one(env, "GONOSUMDB")?;
    let patterns = setting.value.to_string_lossy();
    let everything =
        patterns.split(',').any(|pattern| pattern.contains('*') && pattern.trim().chars().all(|c| "*?./".contains(c)));
    let (kind, message) = if everything {
        (Kind::SumdbOff, format!("the checksum database is asked about no module: {patterns}"))
    } else {
        (Kind::SumdbSkipped, format!("the checksum database is not asked about {patterns}"))
    };
    Some(Finding::new(kind, message, stated(setting), set(setting, None)))
}

fn insecure(env: &GoEnv) -> Option<Finding> {
    let setting = set_one(env, "GOINSECURE")?;
    let message =
        format!("modules of {} may come without TLS, and are compared with nothing", setting.value.to_string_lossy());
    Some(Finding::new(Kind::InsecureModules, message, stated(setting), set(setting, None)))
}

fn flags(env: &GoEnv) -> Option<Finding> {
    let setting = set_one(env, "GOFLAGS")?;
    let flags = setting.value.to_string_lossy();
    let is_weak = |flag: &&str| {
        let flag = flag.trim_start_matches(['\'', '"']).trim_start_matches('-');
        WEAK_FLAGS.contains(&flag.split('=').next().unwrap_or_default())
    };
    let flags = fields(&flags);
    let weak = flags.iter().copied().find(is_weak)?;
    let message = format!("GOFLAGS adds {weak} to every build");
    let others: Vec<&str> = flags.iter().copied().filter(|flag| !is_weak(flag)).collect();
    let better = others.join(" ");
    let fix = set(setting, Some(better.as_str()).filter(|better| !better.is_empty()));
    Some(Finding::new(Kind::GoflagsWeak, message, stated(setting), fix))
}

/// The flags of GOFLAGS with their quotes: one that begins with a quote ends at the next one (cmd/internal/quoted).
fn fields(flags: &str) -> Vec<&str> {
    let (mut fields, mut rest) = (Vec::new(), flags.trim_start());
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '\'' | '"' => rest.get(1..).and_then(|inner| inner.find(first)).map(|at| at + 2),
            _ => rest.find(char::is_whitespace),
        };
        let (field, behind) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or((rest, ""));
        fields.push(field);
        rest = behind.trim_start();
    }
    fields
}

fn proxy(env: &GoEnv) -> Option<Finding> {
    let setting = set_one(env, "GOPROXY")?;
    let proxies = setting.value.to_string_lossy();
    let is_plain = |proxy: &&str| {
        let lower = proxy.trim().to_ascii_lowercase();
        let authority = lower.strip_prefix("http://").and_then(|rest| rest.split('/').next());
        // What stands before the last @ is a name and a password.
        let host = authority.and_then(|authority| authority.rsplit('@').next());
        let is_port = |rest: &str| rest.is_empty() || rest.starts_with(':');
        let own = |host: &str| {
            ["localhost", "127.0.0.1", "[::1]"].iter().any(|own| host.strip_prefix(own).is_some_and(is_port))
        };
        host.is_some_and(|host| !own(host))
    };
    let fix = || set(setting, Some(PROXY));
    if let Some(plain) = proxies.split([',', '|']).find(is_plain) {
        let message = format!("modules come from {} without TLS", without_password(plain));
        return Some(Finding::new(Kind::ProxyInsecure, message, stated(setting), fix()));
    }
    if proxies.split([',', '|']).next().map(str::trim) != Some("direct") {
        return None;
    }
    let message = "modules come from wherever their authors keep them, which may be gone or another tomorrow";
    Some(Finding::new(Kind::ProxyDirect, message, stated(setting), fix()))
}

fn toolchain(chain: &Chain) -> Option<Finding> {
    let setting = chain.started.find("GOTOOLCHAIN")?;
    let evidence = |by: Option<&std::path::PathBuf>| match by {
        Some(path) => format!("{}, and {}", path.display(), stated(setting)),
        None => stated(setting),
    };
    let local = || set(setting, Some("local"));
    Some(match &chain.toolchain {
        Toolchain::Local => return None,
        Toolchain::Invalid { by: None } => {
            let message = format!("GOTOOLCHAIN is {:?}, which the go command refuses", setting.value.to_string_lossy());
            Finding::new(Kind::ToolchainInvalid, message, evidence(None), cut(setting))
        }
        Toolchain::Invalid { by: Some(path) } => {
            let message = format!("{} asks for a tool chain that is none, or cannot be read", path.display());
            Finding::new(Kind::ToolchainInvalid, message, evidence(Some(path)), "")
        }
        Toolchain::Other { name, by, place: Place::Path(path) } => {
            let message = format!("the go command hands over to {}", path.display());
            Finding::new(Kind::ToolchainSwitches, format!("{message}, as {name}"), evidence(by.as_ref()), local())
        }
        Toolchain::Other { name, by, place: Place::ModuleCache(path) } => {
            let message = format!("the go command hands over to {name} in {}", path.display());
            Finding::new(Kind::ToolchainSwitches, message, evidence(by.as_ref()), local())
        }
        Toolchain::Other { name, by, place: Place::Download } => {
            let message = format!("the go command would download {name}, and run it");
            // Where a project asks for it, another one would not do.
            let fix = if by.is_some() { fetch(name) } else { local() };
            Finding::new(Kind::ToolchainDownloads, message, evidence(by.as_ref()), fix)
        }
        Toolchain::Other { name, by, place: Place::Nowhere } => {
            let message = format!("the go command needs {name}, which is not at hand and may not be downloaded");
            Finding::new(Kind::ToolchainNotFound, message, evidence(by.as_ref()), fetch(name))
        }
    })
}
