//! The tests of the whole lie in `suite/`: one linked test binary.
