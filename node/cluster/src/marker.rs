use etl_model::Marker;

/// A marker as the checkpoint of a route holds it.
///
/// # Errors
/// It has a position that is not to be written as JSON.
pub fn encode_marker(marker: &Marker) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(marker)
}

/// Reads what [`encode_marker`] wrote; `None` when it is something else.
pub fn decode_marker(bytes: &[u8]) -> Option<Marker> {
    serde_json::from_slice(bytes).ok()
}
