//! Progress bars on a terminal's stderr, and nothing anywhere else.

use std::io::{self, IsTerminal};
use std::time::Duration;

use goverify::events::{Event, Watch};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::Common;

/// How often a bar without news is drawn again.
const TICK: Duration = Duration::from_millis(100);

/// The bar of a whole command, and those of its jobs below it, as far as there are any.
pub(crate) struct Progress {
    bars: MultiProgress,
    whole: ProgressBar,
}

/// The bar of one job, which goes when this is dropped.
pub(crate) struct Bar(ProgressBar);

impl Progress {
    pub(crate) fn new(common: &Common) -> Self {
        let visible = !common.quiet && !common.no_progress && !common.json && io::stderr().is_terminal();
        let target = if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bars = MultiProgress::with_draw_target(target);
        Self { whole: bars.add(ProgressBar::no_length()), bars }
    }

    /// Takes that bar off the screen.
    pub(crate) fn clear(&self) {
        self.whole.finish_and_clear();
    }

    /// Lets the bar of the whole count archives, of which there are so many.
    pub(crate) fn expect(&self, archives: usize) {
        restyle(&self.whole, "{wide_bar} {pos}/{len} archives", String::new());
        self.whole.set_length(archives as u64);
    }

    /// One more of them is done.
    pub(crate) fn advance(&self) {
        self.whole.inc(1);
    }

    /// A bar below the others.
    pub(crate) fn bar(&self) -> Bar {
        Bar(self.bars.add(ProgressBar::no_length()))
    }
}

impl Bar {
    /// A watch on a part of a job, whose events move the bar.
    pub(crate) fn watch(&self, whole: &Watch) -> Watch {
        let bar = self.0.clone();
        whole.part().with(move |event| show(&bar, event.clone()))
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn show(bar: &ProgressBar, event: Event) {
    match event {
        Event::Receiving { name, size_bytes } => {
            bar.set_prefix(name.clone());
            restyle(bar, "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}", name);
            bar.reset();
            bar.set_length(size_bytes.unwrap_or_default());
        }
        Event::Received { bytes } | Event::Deposited { bytes } => bar.set_position(bytes),
        Event::Unpacking { files } => {
            restyle(bar, "{msg} {prefix} {wide_bar} {pos}/{len} files", "unpacking".to_owned());
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
