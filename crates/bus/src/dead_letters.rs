//! What the services could not handle, for people: look, send back, throw away.
