//! Run state of one node in sled: lock, runs, epochs and checkpoints.
