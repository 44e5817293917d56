use async_trait::async_trait;

/// What both systems are asked to do, through their public API.
#[async_trait]
pub trait Register: Send + Sync {
    /// A linearizable write of a value to a key.
    async fn write(&mut self, key: u64, value: &[u8]) -> Result<(), String>;
    /// A linearizable read of a key.
    async fn read(&mut self, key: u64) -> Result<(), String>;
    /// Whether the member that is asked has the key itself, without asking others.
    async fn has(&mut self, key: u64) -> Result<bool, String>;
}
