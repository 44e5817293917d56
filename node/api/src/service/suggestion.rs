use crate::refusal::{Kind, Refusal};

/// Names that are told.
const SHOWN: usize = 20;

/// A refusal of a name that does not exist; its help says which one was probably meant, and which there are.
pub(super) fn not_there(message: String, name: &str, known: &[String]) -> Refusal {
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let refusal = Refusal::new(Kind::NotFound, "not_found", message);
    match etl_workflow::did_you_mean(name, &known) {
        Some(help) if help.ends_with('?') => {
            let all: Vec<String> = known.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
            let more = if known.len() > SHOWN { ", …" } else { "" };
            refusal.help(format!("{help} There are {}{more}", all.join(", ")))
        }
        Some(help) => refusal.help(help),
        None => refusal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_and_what_there_is_are_told() {
        let known: Vec<String> = ["numbers", "even", "out"].map(str::to_owned).into();
        let help = |name| not_there(String::new(), name, &known).help;
        assert_eq!(help("evn").as_deref(), Some("did you mean `even`? There are `numbers`, `even`, `out`"));
        assert_eq!(help("x").as_deref(), Some("use one of `numbers`, `even`, `out`"));
        assert_eq!(not_there(String::new(), "x", &[]).help, None);
        let many: Vec<String> = (0..100).map(|number| format!("part-{number}")).collect();
        assert!(not_there(String::new(), "part-x", &many).help.is_some_and(|help| help.ends_with("…")));
    }
}
