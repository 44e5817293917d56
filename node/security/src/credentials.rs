use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;

use crate::material::Material;
use crate::own_certificate::Purpose;
use crate::pem_files::{PemFiles, is_open_to_others};
use crate::{Error, TlsSettings};

/// Time before the end of a certificate at which reminders begin.
const REMIND: Duration = Duration::from_secs(30 * 86_400);
/// Time between two reminders.
const REMIND_AGAIN: Duration = Duration::from_secs(86_400);

/// Certificates in use, taken from files that may change. Clones share them.
#[derive(Clone)]
pub struct Credentials {
    shared: Arc<Shared>,
}

struct Shared {
    settings: TlsSettings,
    purpose: Purpose,
    current: watch::Sender<Arc<Material>>,
}

/// What looking at the files again has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reload {
    /// The files are what they were.
    Unchanged,
    /// New connections use the new certificates.
    Replaced,
}

impl Credentials {
    /// Reads what a node needs, which accepts connections and dials. Blocks while it reads.
    ///
    /// # Errors
    /// When a file cannot be read, certificate and key do not fit together, or peers that trust the same authority would
    /// refuse the certificate, because it has expired for example.
    pub fn of_node(settings: &TlsSettings) -> Result<Self, Error> {
        Self::load(settings, Purpose::Node)
    }

    /// Reads what a tool needs, which dials. Blocks while it reads.
    ///
    /// # Errors
    /// As [`Self::of_node`]; but the certificate may be missing.
    pub fn of_tool(settings: &TlsSettings) -> Result<Self, Error> {
        Self::load(settings, Purpose::Tool)
    }

    fn load(settings: &TlsSettings, purpose: Purpose) -> Result<Self, Error> {
        let material = Material::build(settings, PemFiles::read(settings)?, purpose)?;
        if let Some(key) = settings.key.as_deref() {
            warn_about_open_key(key);
        }
        let (current, _) = watch::channel(Arc::new(material));
        Ok(Self { shared: Arc::new(Shared { settings: settings.clone(), purpose, current }) })
    }

    /// Looks at the files again and takes up new certificates if they are whole. Blocks while it reads.
    ///
    /// # Errors
    /// As [`Self::of_node`]; the certificates in use stay what they are.
    pub fn reload(&self) -> Result<Reload, Error> {
        let Shared { settings, purpose, current } = &*self.shared;
        let files = PemFiles::read(settings)?;
        if current.borrow().files == files {
            return Ok(Reload::Unchanged);
        }
        let material = Material::build(settings, files, *purpose)?;
        current.send_replace(Arc::new(material));
        Ok(Reload::Replaced)
    }

    /// Reloads every `period`, for ever; says in the log what was taken up, what is wrong with new files, and that the
    /// certificate is about to expire.
    pub async fn keep_fresh(self, period: Duration) {
        let mut told = None;
        let mut reminded = None;
        loop {
            if reminded.is_none_or(|at: SystemTime| at.elapsed().is_ok_and(|passed| passed >= REMIND_AGAIN)) {
                reminded = self.remind(SystemTime::now());
            }
            tokio::time::sleep(period).await;
            let credentials = self.clone();
            // A panic inside is a defect that must not take the node down; the next round tries again.
            let Ok(result) = tokio::task::spawn_blocking(move || credentials.reload()).await else {
                continue;
            };
            match result {
                Ok(Reload::Unchanged) => told = None,
                Ok(Reload::Replaced) => {
                    told = None;
                    reminded = None;
                    tracing::info!(certificate = %self.certificate_path(), "new certificates are in use");
                }
                Err(error) => {
                    let message = error.to_string();
                    if told.as_ref() != Some(&message) {
                        tracing::error!(%error, "new certificates cannot be used; the ones in use stay");
                        told = Some(message);
                    }
                }
            }
        }
    }

    /// When the own certificate ends; `None` without one.
    pub fn expires(&self) -> Option<SystemTime> {
        self.current().expires
    }

    pub(crate) fn current(&self) -> Arc<Material> {
        Arc::clone(&self.shared.current.borrow())
    }

    fn certificate_path(&self) -> String {
        self.shared.settings.certificate.as_ref().map_or_else(String::new, |path| path.display().to_string())
    }

    /// Reminds of a certificate that ends soon; answers when it did so.
    fn remind(&self, now: SystemTime) -> Option<SystemTime> {
        let left = self.expires()?.duration_since(now).unwrap_or_default();
        if left > REMIND {
            return None;
        }
        let days = left.as_secs() / 86_400;
        let certificate = self.certificate_path();
        tracing::warn!(%certificate, days, "the certificate expires soon; replace its files, they are taken up by themselves");
        Some(now)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("settings", &self.shared.settings).finish_non_exhaustive()
    }
}

fn warn_about_open_key(path: &Path) {
    if is_open_to_others(path).unwrap_or(false) {
        let path = path.display();
        tracing::warn!(%path, "the private key can be read by every user of this machine; take that right away");
    }
}
