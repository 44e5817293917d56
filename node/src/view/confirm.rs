use std::io::{BufRead, IsTerminal, Write, stderr, stdin};

/// Asks on the terminal. Where nobody can be asked the answer is yes: a script means what it says.
pub(crate) fn confirmed(question: &str) -> std::io::Result<bool> {
    if !stdin().is_terminal() {
        return Ok(true);
    }
    write!(stderr(), "{question} [y/N] ")?;
    stderr().flush()?;
    let mut answer = String::new();
    stdin().lock().read_line(&mut answer)?;
    let yes = matches!(answer.trim().to_lowercase().as_str(), "y" | "yes");
    if !yes {
        writeln!(stderr(), "nothing was done")?;
    }
    Ok(yes)
}
