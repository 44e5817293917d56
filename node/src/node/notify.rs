use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// What a service manager can be told of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    Ready,
    Stopping,
}

impl News {
    /// Tells the service manager that started this process, if one did that wants to know (`sd_notify(3)`: a datagram to the
    /// socket that NOTIFY_SOCKET names). That it cannot be told is logged and changes nothing.
    pub fn tell(self) {
        if let Some(socket) = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty())
            && let Err(error) = self.send(&socket)
        {
            tracing::warn!(%error, news = ?self, "the service manager could not be told");
        }
    }

    fn send(self, socket: &OsStr) -> io::Result<()> {
        let address = match socket.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            _ => SocketAddr::from_pathname(socket)?,
        };
        let text: &[u8] = match self {
            Self::Ready => b"READY=1",
            Self::Stopping => b"STOPPING=1",
        };
        UnixDatagram::unbound()?.send_to_addr(text, &address).map(drop)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn received(socket: &UnixDatagram) -> Vec<u8> {
        let mut bytes = [0; 64];
        let length = socket.recv(&mut bytes).unwrap();
        bytes[..length].to_vec()
    }

    #[test]
    fn both_kinds_of_sockets_are_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        News::Ready.send(path.as_os_str()).unwrap();
        assert_eq!(received(&socket), b"READY=1");

        let name = format!("actix-etl-notify-{}", std::process::id());
        let socket =
            UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(name.as_bytes()).unwrap()).unwrap();
        News::Stopping.send(OsStr::new(&format!("@{name}"))).unwrap();
        assert_eq!(received(&socket), b"STOPPING=1");
        assert!(News::Ready.send(directory.path().join("nobody").as_os_str()).is_err());
    }
}
