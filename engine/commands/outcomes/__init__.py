"""An outcome tells what became of a client's asynchronous command: pending, done or refused."""
