/* The end of a test's folder. */
#ifndef REMOVE_FOLDER_H
#define REMOVE_FOLDER_H

/* With all that is in it. */
void remove_folder(const char *path);

#endif
