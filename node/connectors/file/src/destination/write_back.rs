use std::fs::File;
use std::io;
use std::thread::{self, JoinHandle};

/// Bytes written before the disk is set to work on them.
const STRIDE: u64 = 8 << 20;

/// Lets the disk work on what has been written while more is being written, so that the final sync finds little left.
///
/// It only saves time: durability comes from [`WriteBack::sync`] alone. An error of an early sync is kept and returned
/// there, because the system reports it once only.
#[derive(Debug, Default)]
pub struct WriteBack {
    /// Bytes since the last early sync began.
    written: u64,
    running: Option<JoinHandle<io::Result<()>>>,
    failed: Option<io::Error>,
}

impl WriteBack {
    /// Says that so many bytes were written to the file.
    pub fn wrote(&mut self, file: &File, bytes: u64) {
        self.written += bytes;
        if self.written < STRIDE {
            return;
        }
        if self.running.as_ref().is_some_and(|running| !running.is_finished()) {
            return;
        }
        self.join();
        // Without a second handle or a thread the final sync does all the work.
        let Ok(file) = file.try_clone() else { return };
        let thread = thread::Builder::new().name("write-back".to_owned());
        if let Ok(running) = thread.spawn(move || file.sync_data()) {
            self.running = Some(running);
            self.written = 0;
        }
    }

    fn join(&mut self) {
        if let Some(running) = self.running.take() {
            let ended =
                running.join().unwrap_or_else(|_| Err(io::Error::other("the write-back thread panicked")));
            self.failed = self.failed.take().or(ended.err());
        }
    }

    /// Makes everything written durable.
    pub fn sync(&mut self, file: &File) -> io::Result<()> {
        self.join();
        self.written = 0;
        match self.failed.take() {
            Some(error) => Err(error),
            None => file.sync_data(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn an_early_error_is_not_forgotten() {
        let mut file = tempfile::tempfile().unwrap();
        let running = Some(thread::spawn(|| Err(io::Error::other("no space"))));
        let mut write_back = WriteBack { running, ..WriteBack::default() };
        file.write_all(b"x").unwrap();
        assert_eq!(write_back.sync(&file).unwrap_err().to_string(), "no space");
        write_back.sync(&file).unwrap();
    }

    #[test]
    fn early_syncs_run_beside_the_writing() {
        let mut file = tempfile::tempfile().unwrap();
        let mut write_back = WriteBack::default();
        let block = vec![7; STRIDE as usize];
        for _ in 0..3 {
            file.write_all(&block).unwrap();
            write_back.wrote(&file, STRIDE);
        }
        assert!(write_back.running.is_some());
        write_back.sync(&file).unwrap();
        assert!(write_back.running.is_none());
        assert_eq!(file.metadata().unwrap().len(), 3 * STRIDE);
    }
}
