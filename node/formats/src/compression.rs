use std::io::{self, Read, Write};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a file is compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// RFC 1952; several members may follow one another.
    Gzip,
    /// RFC 8878; several frames may follow one another.
    Zstd,
}

impl Compression {
    /// After the end of the file's name: `.gz` or `.zst`, in any case.
    pub fn from_path(path: &Path) -> Self {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if extension.eq_ignore_ascii_case("gz") {
            Self::Gzip
        } else if extension.eq_ignore_ascii_case("zst") {
            Self::Zstd
        } else {
            Self::None
        }
    }

    /// The decompressed bytes of `compressed`, all members or frames joined.
    ///
    /// A stream that is cut off or damaged yields an error where the damage is met, never an early end; an empty
    /// input is an error too unless there is no compression. Errors of `compressed` keep their kind.
    pub fn reader(self, compressed: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Self::None => Box::new(compressed),
            Self::Gzip => Box::new(MultiGzDecoder::new(compressed)),
            Self::Zstd => Box::new(zstd::Decoder::new(compressed)?),
        })
    }

    /// Compresses what is written into one member or frame of `out`.
    pub fn writer<W: Write>(self, out: W) -> io::Result<CompressedWriter<W>> {
        Ok(match self {
            Self::None => CompressedWriter::None(out),
            Self::Gzip => CompressedWriter::Gzip(GzEncoder::new(out, flate2::Compression::default())),
            Self::Zstd => {
                let mut encoder = zstd::Encoder::new(out, zstd::DEFAULT_COMPRESSION_LEVEL)?;
                encoder.include_checksum(true)?;
                CompressedWriter::Zstd(encoder)
            }
        })
    }
}

/// Compresses into `W`. [`CompressedWriter::finish`] must be called: dropped without it, the stream may be cut off, and
/// errors are lost.
pub enum CompressedWriter<W: Write> {
    /// Passes bytes through.
    None(W),
    /// Writes one gzip member.
    Gzip(GzEncoder<W>),
    /// Writes one zstd frame with a checksum.
    Zstd(zstd::Encoder<'static, W>),
}

impl<W: Write> CompressedWriter<W> {
    /// Ends the member or frame and gives back what was written to.
    pub fn finish(self) -> io::Result<W> {
        match self {
            Self::None(out) => Ok(out),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for CompressedWriter<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match self {
            Self::None(out) => out.write(data),
            Self::Gzip(encoder) => encoder.write(data),
            Self::Zstd(encoder) => encoder.write(data),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::None(out) => out.flush(),
            Self::Gzip(encoder) => encoder.flush(),
            Self::Zstd(encoder) => encoder.flush(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const ALL: [Compression; 3] = [Compression::None, Compression::Gzip, Compression::Zstd];

    fn text() -> Vec<u8> {
        (0..20_000u32).flat_map(|i| format!("{i},{}\n", i.wrapping_mul(2_654_435_761)).into_bytes()).collect()
    }

    fn compressed(compression: Compression, data: &[u8]) -> Vec<u8> {
        let mut writer = compression.writer(Vec::new()).unwrap();
        writer.write_all(data).unwrap();
        writer.finish().unwrap()
    }

    fn decompressed(compression: Compression, data: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        compression.reader(io::Cursor::new(data.to_vec()))?.read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn names_tell_the_compression() {
        let of = |name: &str| Compression::from_path(Path::new(name));
        assert_eq!(of("a.csv.gz"), Compression::Gzip);
        assert_eq!(of("dir.gz/a.jsonl.ZST"), Compression::Zstd);
        assert_eq!(of("a.csv"), Compression::None);
        assert_eq!(of("gz"), Compression::None);
    }

    #[test]
    fn several_members_are_read_as_one() {
        let text = text();
        for compression in ALL {
            let (first, second) = text.split_at(text.len() / 3);
            let joined = [compressed(compression, first), compressed(compression, second)].concat();
            assert_eq!(decompressed(compression, &joined).unwrap(), text, "{compression:?}");
        }
    }

    #[test]
    fn a_cut_stream_is_an_error_wherever_it_is_cut() {
        for compression in [Compression::Gzip, Compression::Zstd] {
            let whole = compressed(compression, &text());
            for tenth in 0..10 {
                let cut = whole.len() * tenth / 10;
                assert!(
                    decompressed(compression, &whole[..cut]).is_err(),
                    "{compression:?} cut at {tenth}/10"
                );
                let second = [&whole[..], &whole[..cut]].concat();
                assert!(
                    cut == 0 || decompressed(compression, &second).is_err(),
                    "{compression:?}: second member cut at {tenth}/10"
                );
            }
            for missing in 1..12 {
                assert!(
                    decompressed(compression, &whole[..whole.len() - missing]).is_err(),
                    "{compression:?} {missing}"
                );
            }
        }
    }

    #[test]
    fn a_damaged_or_foreign_stream_is_an_error() {
        for compression in [Compression::Gzip, Compression::Zstd] {
            let mut damaged = compressed(compression, &text());
            let middle = damaged.len() / 2;
            damaged[middle] ^= 0x10;
            assert!(decompressed(compression, &damaged).is_err(), "{compression:?}");
            assert!(decompressed(compression, b"id,name\n1,a\n").is_err(), "{compression:?}");
            let trailing = [compressed(compression, b"a"), b"garbage".to_vec()].concat();
            assert!(decompressed(compression, &trailing).is_err(), "{compression:?}");
        }
    }
}
