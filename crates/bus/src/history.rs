//! Every event ever published, read from the broker's stream.
