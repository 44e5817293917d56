/// The highest feature level whose commands this software knows. A cluster uses a level when all its nodes have it.
///
/// | level | adds |
/// |---|---|
/// | 1 | all commands of the first release |
pub const FEATURE_LEVEL: u32 = 1;
