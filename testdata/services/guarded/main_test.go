package main

// untested-marker-c0de
