use std::num::{NonZeroU32, NonZeroU64};

use clap::Args;

use super::ServerArguments;

/// Arguments of `tap`.
#[derive(Debug, Args)]
pub struct TapArguments {
    #[command(flatten)]
    pub server: ServerArguments,

    /// The run's id, or a workflow, whose run that is not over is meant.
    #[arg(value_name = "RUN|WORKFLOW")]
    pub what: String,

    /// A source or transformation, to see what leaves it; or a destination, to see what goes in.
    #[arg(value_name = "STEP")]
    pub step: String,

    /// Only the records of this partition.
    #[arg(long, value_name = "PARTITION")]
    pub partition: Option<String>,

    /// One in N records on average, chosen by their ordinals: the same ones at every step.
    #[arg(long, value_name = "1/N", value_parser = one_in, conflicts_with = "rate")]
    pub sample: Option<NonZeroU64>,

    /// At most so many records a second, over all nodes [default: 100, without --sample].
    #[arg(long, value_name = "N")]
    pub rate: Option<NonZeroU32>,

    /// End after so many records [default: when the run is over].
    #[arg(long, value_name = "N")]
    pub limit: Option<NonZeroU64>,
}

fn one_in(text: &str) -> Result<NonZeroU64, String> {
    let number = text.strip_prefix("1/").and_then(|number| number.parse().ok());
    number.ok_or_else(|| "say 1/N with a whole number N from 1, such as 1/1000".to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_one_in_so_many() {
        assert_eq!(one_in("1/1000").unwrap().get(), 1000);
        for wrong in ["", "1000", "1/0", "2/3", "1/", "1/-3", "1/1.5", "1/99999999999999999999"] {
            assert!(one_in(wrong).unwrap_err().contains("1/1000"), "{wrong}");
        }
    }
}
