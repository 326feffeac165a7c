/* unread-marker-19c3 */
