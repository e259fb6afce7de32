"""Other numbers of a device, other layers in a network: what each change would bring."""
