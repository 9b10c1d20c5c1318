"""Port-forwards that fgm speaks itself: SPDY/3.1 through one connection for each pod."""
