"""Triggers that watch something by themselves: today files. What fires by the clock, a call or another execution is
decided in `engine`; here is only what has to look at the world."""
