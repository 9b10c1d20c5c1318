"""Tables of processes, memory regions and labelled values: of closed windows, and of the one that is being recorded."""
