//! What a trace of system calls says of changes to the file system.

use std::path::{Path, PathBuf};

/// The calls that can change one.
pub(crate) const CALLS: &str = "?open,openat,openat2,?creat,?link,linkat,?symlink,symlinkat,?chmod,fchmodat,?fchmodat2,\
     ?chown,?lchown,fchownat,?unlink,unlinkat,?rename,?renameat,renameat2,?mkdir,mkdirat,?rmdir,?mknod,mknodat,truncate,\
     setxattr,lsetxattr,removexattr,lremovexattr,?utime,?utimes,utimensat,mount,umount2,pivot_root,chroot";

/// A call that changes a file or could have, and one of the paths that it names.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    pub(crate) call: String,
    pub(crate) path: PathBuf,
}

/// The changes in a log of `strace -f -y` from the moment when the binary is started, with paths as it sees them.
pub(crate) fn changes(log: &str, root: &Path) -> Vec<Change> {
    let started = log.find("execve(\"/goverify\"").unwrap();
    log[started..].lines().skip(1).flat_map(|line| change(line, root)).collect()
}

/// The paths of one line, `PID CALL(ARGUMENTS) = RESULT`.
fn change(line: &str, root: &Path) -> Vec<Change> {
    // An exit of the process, a signal, or the rest of a call that was told of before; what an archive named begins none.
    let told = line.split_once(' ').map(|(_, rest)| rest.trim_start());
    let call = told.filter(|rest| !["+++ ", "--- ", "<... "].iter().any(|mark| rest.starts_with(mark)));
    let Some((call, arguments)) = call.and_then(|rest| rest.split_once('(')) else { return Vec::new() };
    if call.starts_with("open") && !["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"].iter().any(|f| arguments.contains(f)) {
        return Vec::new();
    }
    let mut paths = Vec::new();
    let mut directory = PathBuf::from("/home/user");
    for argument in arguments_of(arguments) {
        if let Some(path) = argument.strip_prefix('"').and_then(|rest| rest.split('"').next()) {
            paths.push(directory.join(path));
        } else if let Some((_, annotated)) = argument.split_once('<') {
            let annotated = Path::new(annotated.split('>').next().unwrap());
            directory = annotated.strip_prefix(root).map_or(annotated.to_owned(), |inside| Path::new("/").join(inside));
        }
    }
    if paths.is_empty() {
        paths.push(directory);
    }
    paths.into_iter().map(|path| Change { call: call.to_owned(), path }).collect()
}

/// What stands between the commas before the closing parenthesis; paths in the jail have no commas of their own but
/// those that archives gave them, and these are in quotation marks.
fn arguments_of(text: &str) -> Vec<&str> {
    let (mut arguments, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' | ')' if !quoted => {
                arguments.push(text[start..at].trim());
                start = at + 1;
                if c == ')' {
                    break;
                }
            }
            _ => {}
        }
    }
    arguments
}

#[test]
fn changes_are_read_from_a_trace() {
    let log = concat!(
        "7 openat(AT_FDCWD</>, \"/proc/self/uid_map\", O_WRONLY) = 3</proc/7/uid_map>\n",
        "7 execve(\"/goverify\", [\"/goverify\", \"fetch\"], 0x7ffc /* 3 vars */) = 0\n",
        "7 openat(AT_FDCWD</jail/home/user>, \"/etc/ld.so.cache\", O_RDONLY|O_CLOEXEC) = -1 ENOENT (No such file)\n",
        "8 openat(9</jail/home/user/sdk/.go.goverify-0>, \"a, \\\"b\", O_WRONLY|O_CREAT|O_EXCL, 0644) = 10</jail/x>\n",
        "8 openat(9</jail/home/user/sdk>, \".\", O_RDWR|O_TMPFILE, 0600) = 10</jail/x>\n",
        "8 renameat2(5</jail/a>, \"b\", 5</jail/a>, \"/c\", RENAME_NOREPLACE) = 0\n",
        "8 unlinkat(5</jail/a>, \"../d\", AT_REMOVEDIR <unfinished ...>\n",
        "8 <... unlinkat resumed>) = 0\n",
        "8 mkdirat(5</jail/a>, \"e +++ f --- g resumed>\", 0755) = 0\n",
        "7 +++ exited with 0 +++\n",
    );
    let found = changes(log, Path::new("/jail"));
    let found: Vec<_> = found.iter().map(|change| (&*change.call, change.path.to_str().unwrap())).collect();
    let expected = [
        ("openat", "/home/user/sdk/.go.goverify-0/a, \\"),
        ("openat", "/home/user/sdk/."),
        ("renameat2", "/a/b"),
        ("renameat2", "/c"),
        ("unlinkat", "/a/../d"),
        ("mkdirat", "/a/e +++ f --- g resumed>"),
    ];
    assert_eq!(found, expected);
}
