use aes_siv::KeyInit;
use aes_siv::siv::Aes256Siv;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha512;

/// What every token begins with, so that it is recognised; the number is the version of its form.
const PREFIX: &str = "tok1_";
/// Binds the keys of tokens to this use of a secret.
const USE: &[u8] = b"actix-etl tokenise 1";

/// Turns texts into tokens and back: AES-256-SIV (RFC 5297), whose key is the HMAC-SHA-512 of a fixed text under the secret.
/// The same text has the same token under the same secret.
pub(super) struct Tokens([u8; 64]);

impl Tokens {
    /// `None` never happens: HMAC takes keys of every length.
    pub fn new(secret: &str) -> Option<Self> {
        let mut mac = Hmac::<Sha512>::new_from_slice(secret.as_bytes()).ok()?;
        mac.update(USE);
        Some(Self(mac.finalize().into_bytes().into()))
    }

    /// The token of a text; `None` never happens: every text can be encrypted.
    pub fn seal(&self, text: &str) -> Option<String> {
        let mut cipher = Aes256Siv::new_from_slice(&self.0).ok()?;
        let sealed = cipher.encrypt([PREFIX], text.as_bytes()).ok()?;
        Some(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(sealed)))
    }

    /// The text of a token; `None` for what is no token of this secret.
    pub fn open(&self, token: &str) -> Option<String> {
        let sealed = URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX)?).ok()?;
        let mut cipher = Aes256Siv::new_from_slice(&self.0).ok()?;
        String::from_utf8(cipher.decrypt([PREFIX], &sealed).ok()?).ok()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_the_same_and_open_with_their_secret_alone() {
        let tokens = Tokens::new("a secret").unwrap();
        for text in ["", "ann@example.com", "Köln 🏙"] {
            let token = tokens.seal(text).unwrap();
            assert_eq!(Some(&token), tokens.seal(text).as_ref());
            assert!(token.len() >= PREFIX.len() + 22 && (text.is_empty() || !token.contains(text)));
            assert_eq!(tokens.open(&token).as_deref(), Some(text));
            assert_eq!(Tokens::new("other").unwrap().open(&token), None);
            let changed = token.replace(char::is_lowercase, "x");
            assert_eq!(tokens.open(&changed), None);
        }
        assert_eq!(tokens.open("tok1_"), None);
        assert_eq!(tokens.open("ann"), None);
        // For ever: tokens that have been stored must open.
        assert_eq!(
            tokens.seal("ann@example.com").as_deref(),
            Some("tok1_CqcefvmIXqDoewh70Zno5dotT5ydp34QEg8OmbekYg")
        );
    }
}
