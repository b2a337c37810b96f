"""The life of the local stack, over fake services that keep the contract of the real ones."""
