//! What packagers ship beside the binary, made from the same definition of the arguments.

use std::io;

use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use super::Arguments;

/// What a page of section 1 says of exit codes; roff, since no argument says it.
const EXIT_STATUS: &str = ".SH \"EXIT STATUS\"
.TP
0
verified, installed, or installed already
.TP
1
rejected: the bytes are not what they claim, or a tree was changed; never retry
.TP
2
the call makes no sense
.TP
3
no such release or platform, no signature published, or nothing to compare with
.TP
4
the network: try again later
.TP
5
this machine: permission, space, a destination that is taken, a lock held too long
.TP
129, 130, 143
interrupted by SIGHUP, SIGINT or SIGTERM
";

#[derive(Args)]
pub(crate) struct Completions {
    /// The shell that is to read it
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// What completes the commands in the shell that was named.
pub(crate) fn completions(arguments: &Completions) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "goverify", &mut script);
    script
}

/// One page for the program and all its commands.
pub(crate) fn man() -> io::Result<Vec<u8>> {
    let mut command = Arguments::command();
    command.build();
    // A date would be that of the build, and each build another page.
    let title = concat!(".TH GOVERIFY 1 \"\" \"goverify ", env!("CARGO_PKG_VERSION"), "\" \"User Commands\"\n");
    let mut page = title.as_bytes().to_vec();
    let whole = Man::new(command.clone());
    whole.render_name_section(&mut page)?;
    whole.render_synopsis_section(&mut page)?;
    whole.render_description_section(&mut page)?;
    whole.render_options_section(&mut page)?;
    describe_below(&command, &mut page)?;
    page.extend_from_slice(EXIT_STATUS.as_bytes());
    // Formatters wonder at breaks around an empty line.
    Ok(String::from_utf8_lossy(&page).replace(".br\n\n.br\n", ".sp\n").into_bytes())
}

/// The commands below `command`, each in a section of its own that holds what is a page's section elsewhere.
fn describe_below(command: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        let name = below.get_bin_name().unwrap_or_else(|| below.get_name());
        page.extend_from_slice(format!(".SH \"{}\"\n", name.to_uppercase()).as_bytes());
        let man = Man::new(common_hidden(below));
        let mut sections = Vec::new();
        man.render_synopsis_section(&mut sections)?;
        man.render_description_section(&mut sections)?;
        man.render_options_section(&mut sections)?;
        page.extend_from_slice(String::from_utf8_lossy(&sections).replace(".SH ", ".SS ").as_bytes());
        describe_below(below, page)?;
    }
    Ok(())
}

/// `command` without the flags that every command takes: they are told of once.
fn common_hidden(command: &Command) -> Command {
    command.clone().mut_args(|arg| if arg.is_global_set() || arg.get_id() == "help" { arg.hide(true) } else { arg })
}
