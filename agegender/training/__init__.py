"""Training either network: objective, optimizer, callbacks, exact resuming, saving."""
