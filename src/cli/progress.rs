//! Progress bars on a terminal's stderr, and nothing anywhere else.

use std::io::{self, IsTerminal};
use std::time::Duration;

use goverify::events::{Event, Watch};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::Common;

/// How often a bar without news is drawn again.
const TICK: Duration = Duration::from_millis(100);

/// The bar of one job.
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    pub(crate) fn new(common: &Common) -> Self {
        let visible = !common.quiet && !common.no_progress && !common.json && io::stderr().is_terminal();
        let target = if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self { bar: ProgressBar::with_draw_target(None, target) }
    }

    /// A watch whose events move the bar.
    pub(crate) fn watch(&self) -> Watch {
        let bar = self.bar.clone();
        Watch::new(move |event| show(&bar, event))
    }

    /// Takes the bar off the screen.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

fn show(bar: &ProgressBar, event: Event) {
    match event {
        Event::Receiving { name, size_bytes } => {
            restyle(bar, "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}", name);
            bar.reset();
            bar.set_length(size_bytes.unwrap_or_default());
        }
        Event::Received { bytes } => bar.set_position(bytes),
        Event::Unpacking { files } => {
            restyle(bar, "{msg} {wide_bar} {pos}/{len} files", "unpacking".to_owned());
            bar.reset();
            bar.set_length(files);
        }
        Event::Unpacked { files } => bar.set_position(files),
        Event::Waiting => spin(bar, "waiting for another goverify that installs to the same place".to_owned()),
        Event::Retrying { reason } => spin(bar, format!("trying again: {reason}")),
        Event::Syncing => spin(bar, "writing to disk".to_owned()),
        _ => {}
    }
}

fn spin(bar: &ProgressBar, message: String) {
    restyle(bar, "{spinner} {msg}", message);
    bar.enable_steady_tick(TICK);
}

fn restyle(bar: &ProgressBar, template: &str, message: String) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(message);
}
