use std::io::{IsTerminal, Write, stderr, stdout};
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget};

use crate::arguments::{Output, ServerArguments};
use crate::cluster_client::PATIENCE;
use crate::view::{bytes, print_json};
use crate::{Error, Exit};

pub(super) async fn backup(server: &ServerArguments, file: &Path, output: Output) -> Result<Exit, Error> {
    let client = server.client(PATIENCE)?;
    let target = match stderr().is_terminal() {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    };
    let bar = ProgressBar::with_draw_target(None, target);
    let saved = etl_api::save_backup(&client, file, |received, total| {
        bar.set_length(total);
        bar.set_position(received);
    })
    .await;
    bar.finish_and_clear();
    let saved = saved?;
    match output {
        Output::Json => print_json(&saved)?,
        Output::Text => {
            let (path, size) = (saved.path.display(), bytes(saved.bytes));
            writeln!(stdout(), "{path}: {size} from {}, complete and checked", saved.server)?;
        }
    }
    Ok(Exit::Success)
}
