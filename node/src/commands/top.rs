use std::io::{self, IsTerminal, stdin, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use crate::arguments::{Output, TopArguments};
use crate::cluster_client::{PATIENCE, block_on};
use crate::top::{Key, Model, Poll, Snapshot, draw};
use crate::{Error, Exit};

/// How often it is looked whether a key was pressed.
const GLANCE: Duration = Duration::from_millis(100);

/// `top`.
pub(super) fn top(arguments: &TopArguments, output: Output) -> Result<Exit, Error> {
    if output == Output::Json || !stdin().is_terminal() || !stdout().is_terminal() {
        return Err(Error::Unknown {
            message: "`top` is for terminals".to_owned(),
            help: "programs ask `actix-etl runs list -o json`, `actix-etl partitions RUN -o json` and `actix-etl cluster status \
                   -o json`"
                .to_owned(),
        });
    }
    block_on(async {
        let poll = Poll {
            client: arguments.read.server.client(PATIENCE)?,
            consistency: arguments.read.consistency(),
        };
        // From here on also a panic leaves the terminal as it was.
        let mut terminal = ratatui::try_init()?;
        let keys = Keys::listen();
        let shown = show(&mut terminal, &poll, keys, arguments.every.0.max(GLANCE)).await;
        ratatui::try_restore()?;
        shown
    })
}

async fn show(
    terminal: &mut ratatui::DefaultTerminal,
    poll: &Poll,
    mut keys: Keys,
    every: Duration,
) -> Result<Exit, Error> {
    let mut model = Model::default();
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut looking: Option<BoxFuture<'_, Result<Snapshot, Error>>> = None;
    loop {
        terminal.draw(|frame| draw(frame, &model))?;
        let look = async {
            match &mut looking {
                Some(looking) => looking.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            seen = look => {
                looking = None;
                model.look(seen.map_err(|error| error.to_string()));
            }
            _ = ticks.tick() => {
                if looking.is_none() {
                    looking = Some(poll.look(model.wanted()).boxed());
                }
            }
            told = keys.next() => match told {
                None => return Ok(Exit::Success),
                Some(Told::Resized) => {}
                Some(Told::Pressed(key)) => {
                    let wanted = model.wanted();
                    if !model.press(key) {
                        return Ok(Exit::Success);
                    }
                    if model.wanted() != wanted {
                        looking = Some(poll.look(model.wanted()).boxed());
                    }
                }
            },
            _ = terminate.recv() => return Ok(Exit::Success),
            _ = interrupt.recv() => return Ok(Exit::Success),
        }
    }
}

enum Told {
    Pressed(Key),
    Resized,
}

/// Listens to the keyboard on a thread of its own, until it is dropped.
struct Keys {
    told: mpsc::Receiver<Told>,
    ends: Arc<AtomicBool>,
}

impl Keys {
    fn listen() -> Self {
        let (sender, told) = mpsc::channel(16);
        let ends = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&ends);
        std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                // Without a terminal there is nothing to listen to any more.
                let Ok(told) = read() else { return };
                if let Some(told) = told
                    && sender.blocking_send(told).is_err()
                {
                    return;
                }
            }
        });
        Self { told, ends }
    }

    async fn next(&mut self) -> Option<Told> {
        self.told.recv().await
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
    }
}

fn read() -> io::Result<Option<Told>> {
    if !event::poll(GLANCE)? {
        return Ok(None);
    }
    Ok(match event::read()? {
        Event::Key(pressed) if pressed.kind != KeyEventKind::Release => key(pressed).map(Told::Pressed),
        Event::Resize(..) => Some(Told::Resized),
        _ => None,
    })
}

fn key(KeyEvent { code, modifiers, .. }: KeyEvent) -> Option<Key> {
    Some(match code {
        KeyCode::Char('c') if modifiers.contains(KeyModifiers::CONTROL) => Key::Quit,
        KeyCode::Char('q') => Key::Quit,
        KeyCode::Up | KeyCode::Char('k') => Key::Up,
        KeyCode::Down | KeyCode::Char('j') => Key::Down,
        KeyCode::Enter | KeyCode::Right => Key::Enter,
        KeyCode::Esc | KeyCode::Backspace | KeyCode::Left => Key::Back,
        KeyCode::Char('s') => Key::Sort,
        KeyCode::Char('r') => Key::Reverse,
        _ => return None,
    })
}
