"""`paperlake doctor`: what is wrong, or will be, and what to do about it; it changes nothing."""
