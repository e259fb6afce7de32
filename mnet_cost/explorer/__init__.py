"""The page of `mnet-cost explore`: a network's costs as a program that a browser replays."""
